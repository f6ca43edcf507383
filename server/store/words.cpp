#include "server/store/words.h"

#include <algorithm>
#include <array>

#include <utf8proc.h>

namespace hearth::server {
namespace {

constexpr std::size_t kWordBytesMax = 64;
constexpr std::size_t kSnippetBefore = 48;
constexpr std::size_t kSnippetBytes = 160;

struct Range {
  utf8proc_int32_t first;
  utf8proc_int32_t last;
};

// Characters that are words by themselves: Han, kana, Hangul, and their half-width forms.
constexpr std::array kSingles = {
    Range{0x3005, 0x3007}, Range{0x3040, 0x30FF}, Range{0x31F0, 0x31FF},
    Range{0x3400, 0x4DBF}, Range{0x4E00, 0x9FFF}, Range{0xAC00, 0xD7A3},
    Range{0xF900, 0xFAFF}, Range{0xFF66, 0xFF9D}, Range{0x20000, 0x3FFFD},
};

bool is_single(utf8proc_int32_t point) {
  return std::any_of(kSingles.begin(), kSingles.end(), [&](const Range& range) {
    return point >= range.first && point <= range.last;
  });
}

enum class Kind { separator, letter, mark };

Kind kind_of(utf8proc_int32_t point) {
  switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return Kind::letter;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return Kind::mark;
    default:
      return Kind::separator;
  }
}

void append(std::string& out, utf8proc_int32_t point) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto length = utf8proc_encode_char(point, bytes.data());
  out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
}

// Without case, accents and width. What comes out beside letters and digits is left away: the index
// splits at it.
void append_folded(std::string& out, utf8proc_int32_t point) {
  std::array<utf8proc_int32_t, 32> folded{};
  int boundary = 0;
  const auto options =
      static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD);
  const auto count = utf8proc_decompose_char(
      point, folded.data(), static_cast<utf8proc_ssize_t>(folded.size()), options, &boundary);
  for (utf8proc_ssize_t i = 0; i < std::min<utf8proc_ssize_t>(count, 32); ++i) {
    const utf8proc_int32_t one = folded[static_cast<std::size_t>(i)];
    if (kind_of(one) == Kind::letter && out.size() + 4 <= kWordBytesMax) append(out, one);
  }
}

std::string owner_mark(const UserId& owner) { return to_hex(std::span(owner.bytes).first(4)); }

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }

// The nearest beginning of a character at or before `at`.
std::size_t character_at(std::string_view text, std::size_t at) {
  at = std::min(at, text.size());
  while (at > 0 && at < text.size() && !starts_character(text[at])) --at;
  return at;
}

void add_part(std::vector<SnippetPart>& parts, std::string_view text, bool is_match) {
  if (text.empty()) return;
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  parts.push_back({std::move(line), is_match});
}

}  // namespace

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  Word open;
  const auto close = [&](std::size_t end) {
    if (!open.folded.empty()) {
      open.end = end;
      words.push_back(std::move(open));
    }
    open = Word{};
  };
  std::size_t at = 0;
  while (at < text.size()) {
    utf8proc_int32_t point = -1;
    const auto* const bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at;
    const auto length =
        utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size() - at), &point);
    const std::size_t step = length > 0 ? static_cast<std::size_t>(length) : 1;
    if (length <= 0) {
      close(at);
    } else if (is_single(point)) {
      close(at);
      words.push_back({std::string(text.substr(at, step)), at, at + step});
    } else if (const Kind kind = kind_of(point); kind == Kind::letter) {
      if (open.folded.empty()) open.begin = at;
      append_folded(open.folded, point);
    } else if (kind == Kind::separator) {
      close(at);
    }
    at += step;
  }
  close(at);
  return words;
}

std::string index_text(const UserId& owner, std::string_view text) {
  const std::string mark = owner_mark(owner);
  std::string out;
  for (const Word& word : words_of(text)) {
    if (!out.empty()) out += ' ';
    out += mark;
    out += word.folded;
  }
  return out;
}

Result<SearchQuery> SearchQuery::parse(std::string_view text) {
  SearchQuery query;
  bool is_quoted = false;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = is_quoted ? text.find('"', at) : text.find_first_of("\" \t\r\n", at);
    const std::string_view piece = text.substr(at, end == std::string_view::npos ? end : end - at);
    Phrase phrase;
    for (Word& word : words_of(piece)) phrase.words.push_back(std::move(word.folded));
    phrase.is_prefix = !is_quoted && end == std::string_view::npos;
    if (!phrase.words.empty()) query.phrases_.push_back(std::move(phrase));
    if (end == std::string_view::npos) break;
    if (text[end] == '"') is_quoted = !is_quoted;
    at = end + 1;
  }
  if (query.phrases_.empty()) {
    return fail(ErrorCode::invalid_parameter, "query needs a letter or a digit.");
  }
  return query;
}

std::string SearchQuery::match(const UserId& owner) const {
  const std::string mark = owner_mark(owner);
  std::string out;
  for (const Phrase& phrase : phrases_) {
    if (!out.empty()) out += " AND ";
    out += '"';
    for (std::size_t i = 0; i < phrase.words.size(); ++i) {
      if (i > 0) out += ' ';
      out += mark;
      out += phrase.words[i];
    }
    out += '"';
    if (phrase.is_prefix) out += " *";
  }
  return out;
}

bool SearchQuery::stands_at(const Phrase& phrase, const std::vector<Word>& words,
                            std::size_t at) const {
  const std::size_t count = phrase.words.size();
  if (at + count > words.size()) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& word = words[at + i].folded;
    const bool may_be_longer = phrase.is_prefix && i + 1 == count;
    if (may_be_longer ? !word.starts_with(phrase.words[i]) : word != phrase.words[i]) return false;
  }
  return true;
}

bool SearchQuery::matches(const std::vector<Word>& words) const {
  return std::all_of(phrases_.begin(), phrases_.end(), [&](const Phrase& phrase) {
    for (std::size_t at = 0; at < words.size(); ++at) {
      if (stands_at(phrase, words, at)) return true;
    }
    return false;
  });
}

std::vector<SnippetPart> SearchQuery::snippet(std::string_view text) const {
  const std::vector<Word> words = words_of(text);
  struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  std::vector<Span> spans;
  for (std::size_t at = 0; at < words.size();) {
    std::size_t next = at + 1;
    for (const Phrase& phrase : phrases_) {
      if (!stands_at(phrase, words, at)) continue;
      next = at + phrase.words.size();
      spans.push_back({words[at].begin, words[next - 1].end});
      break;
    }
    at = next;
  }
  const std::size_t first = spans.empty() ? 0 : spans.front().begin;
  const std::size_t begin = character_at(text, first > kSnippetBefore ? first - kSnippetBefore : 0);
  const std::size_t end = character_at(text, begin + kSnippetBytes);
  std::vector<SnippetPart> parts;
  if (begin > 0) parts.push_back({"… ", false});
  std::size_t at = begin;
  for (const Span& span : spans) {
    if (span.begin >= end) break;
    add_part(parts, text.substr(at, span.begin - at), false);
    add_part(parts, text.substr(span.begin, std::min(span.end, end) - span.begin), true);
    at = std::min(span.end, end);
  }
  add_part(parts, text.substr(at, end - at), false);
  if (end < text.size()) parts.push_back({" …", false});
  return parts;
}

}  // namespace hearth::server

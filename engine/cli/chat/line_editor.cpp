#include "engine/cli/chat/line_editor.h"

#include <algorithm>
#include <utility>

#include <utf8proc.h>

#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

constexpr char kEscape = '\x1b';
constexpr std::size_t kEarlierMax = 1000;
constexpr std::size_t kEscapeMax = 16;

constexpr char ctrl(char letter) { return static_cast<char>(letter - '@'); }

std::size_t width_of(char32_t character) {
  if (character == U'\n') return 1;  // shown as an arrow
  const int width = utf8proc_charwidth(static_cast<utf8proc_int32_t>(character));
  return width > 0 ? static_cast<std::size_t>(width) : 0;
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char character = decode_utf8(text, i);
    width += width_of(character.value);
    i += character.bytes;
  }
  return width;
}

bool is_combining(std::string_view text, std::size_t at) {
  return at < text.size() && width_of(decode_utf8(text, at).value) == 0;
}

}  // namespace

LineEditor::Outcome LineEditor::feed(char byte) {
  if (!escape_.empty()) {
    escape_ += byte;
    const bool is_begun = escape_.size() == 2 && (byte == '[' || byte == 'O');
    const bool is_end = byte >= '@' && byte <= '~';
    if (!is_begun && (is_end || escape_.size() >= kEscapeMax)) escape_ended();
    return Outcome::editing;
  }
  if (byte == kEscape) {
    escape_ = byte;
    return Outcome::editing;
  }
  const bool is_enter = byte == '\n' || byte == '\r';
  if (is_enter && !is_pasting_) return Outcome::entered;
  if (is_enter || byte == '\t') {
    insert(byte == '\t' ? " " : "\n");
  } else if (byte == ctrl('D') && text_.empty()) {
    return Outcome::closed;
  } else if (static_cast<unsigned char>(byte) < ' ' || byte == '\x7f') {
    control(byte);
  } else {
    pending_ += byte;
    while (!pending_.empty()) {
      const Utf8Sequence sequence = next_sequence(pending_, 0);
      if (sequence.kind == Utf8Sequence::Kind::incomplete) break;
      if (sequence.kind == Utf8Sequence::Kind::valid)
        insert(std::string_view(pending_).substr(0, sequence.bytes));
      pending_.erase(0, sequence.bytes);
    }
  }
  return Outcome::editing;
}

void LineEditor::insert(std::string_view bytes) {
  if (text_.size() + bytes.size() > kLineMax) return;
  text_.insert(at_, bytes);
  at_ += bytes.size();
}

void LineEditor::erase(std::size_t begin, std::size_t end) {
  text_.erase(begin, end - begin);
  at_ = begin;
}

void LineEditor::control(char byte) {
  switch (byte) {
    case ctrl('A'):
      at_ = 0;
      break;
    case ctrl('B'):
      at_ = before(at_);
      break;
    case ctrl('D'):
      erase(at_, behind(at_));
      break;
    case ctrl('E'):
      at_ = text_.size();
      break;
    case ctrl('F'):
      at_ = behind(at_);
      break;
    case ctrl('H'):
    case '\x7f':
      erase(before(at_), at_);
      break;
    case ctrl('K'):
      erase(at_, text_.size());
      break;
    case ctrl('N'):
      recall(false);
      break;
    case ctrl('P'):
      recall(true);
      break;
    case ctrl('U'):
      erase(0, at_);
      break;
    case ctrl('W'):
      erase(word_begin(), at_);
      break;
    default:
      break;
  }
}

// What is not known is ignored as a whole.
void LineEditor::escape_ended() {
  static constexpr std::pair<std::string_view, char> kKeys[] = {
      {"[A", ctrl('P')},  {"[B", ctrl('N')},  {"[C", ctrl('F')},  {"[D", ctrl('B')},
      {"[H", ctrl('A')},  {"[F", ctrl('E')},  {"OA", ctrl('P')},  {"OB", ctrl('N')},
      {"OC", ctrl('F')},  {"OD", ctrl('B')},  {"OH", ctrl('A')},  {"OF", ctrl('E')},
      {"[1~", ctrl('A')}, {"[7~", ctrl('A')}, {"[4~", ctrl('E')}, {"[8~", ctrl('E')},
      {"[3~", ctrl('D')}};
  const std::string sequence = std::exchange(escape_, {}).substr(1);
  if (sequence == "[200~" || sequence == "[201~") is_pasting_ = sequence == "[200~";
  for (const auto& [name, key] : kKeys) {
    if (name == sequence) control(key);
  }
}

std::size_t LineEditor::before(std::size_t at) const {
  if (at == 0) return 0;
  std::size_t begin = previous_utf8(text_, at);
  while (begin > 0 && is_combining(text_, begin)) begin = previous_utf8(text_, begin);
  return begin;
}

std::size_t LineEditor::behind(std::size_t at) const {
  if (at == text_.size()) return at;
  std::size_t end = at + decode_utf8(text_, at).bytes;
  while (is_combining(text_, end)) end += decode_utf8(text_, end).bytes;
  return end;
}

std::size_t LineEditor::word_begin() const {
  std::size_t begin = at_;
  while (begin > 0 && text_[begin - 1] == ' ') --begin;
  while (begin > 0 && text_[begin - 1] != ' ') --begin;
  return begin;
}

void LineEditor::recall(bool is_earlier) {
  if (is_earlier ? place_ == 0 : place_ >= earlier_.size()) return;
  if (place_ == earlier_.size()) draft_ = text_;
  place_ = is_earlier ? place_ - 1 : place_ + 1;
  text_ = place_ == earlier_.size() ? draft_ : earlier_[place_];
  at_ = text_.size();
}

void LineEditor::clear() {
  text_.clear();
  pending_.clear();
  escape_.clear();
  draft_.clear();
  at_ = 0;
  place_ = earlier_.size();
}

void LineEditor::remember(const std::string& line) {
  if (!line.empty() && (earlier_.empty() || earlier_.back() != line)) earlier_.push_back(line);
  if (earlier_.size() > kEarlierMax) earlier_.erase(earlier_.begin());
  place_ = earlier_.size();
}

std::string LineEditor::take() {
  std::string line = std::exchange(text_, {});
  clear();
  remember(line);
  return line;
}

std::string LineEditor::drawn(std::string_view prompt, std::size_t columns) const {
  const std::size_t room = columns > width_of(prompt) + 2 ? columns - width_of(prompt) - 1 : 1;
  const std::string_view text = text_;
  std::size_t begin = at_;  // what fits before the cursor, then what fits behind it
  std::size_t width = 0;
  const auto fits = [&](std::size_t from, std::size_t to) {
    const std::size_t more = width_of(text.substr(from, to - from));
    if (width + more > room) return false;
    width += more;
    return true;
  };
  while (begin > 0 && fits(before(begin), begin)) begin = before(begin);
  std::size_t end = at_;
  while (end < text.size() && fits(end, behind(end))) end = behind(end);
  std::string out = "\r";
  out.append(prompt);
  for (std::size_t i = begin; i < end; ++i) {
    if (text[i] == '\n') {
      out += "↵";
    } else {
      out += text[i];
    }
  }
  out += "\x1b[K";
  const std::size_t behind_cursor = width_of(text.substr(at_, end - at_));
  if (behind_cursor > 0) out += "\x1b[" + std::to_string(behind_cursor) + "D";
  return out;
}

}  // namespace hearth::engine

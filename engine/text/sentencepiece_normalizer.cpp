#include "engine/text/sentencepiece_normalizer.h"

#include <algorithm>
#include <utility>

#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

// The length of a normalised text without white space at its end, as both a space and what it is
// escaped to.
std::size_t without_spaces_at_end(std::string_view normal, std::string_view space) {
  for (;;) {
    if (normal.ends_with(' ')) {
      normal.remove_suffix(1);
    } else if (normal.ends_with(space)) {
      normal.remove_suffix(space.size());
    } else {
      return normal.size();
    }
  }
}

}  // namespace

SentencePieceNormalizer::SentencePieceNormalizer(const SentencePieceProto& proto, Charsmap charsmap,
                                                 TokenTrie user_defined, bool add_dummy_prefix)
    : charsmap_(std::move(charsmap)),
      user_defined_(std::move(user_defined)),
      add_dummy_prefix_(add_dummy_prefix),
      remove_extra_whitespaces_(proto.remove_extra_whitespaces),
      space_(proto.escape_whitespaces ? "\xE2\x96\x81" : " ") {}

SentencePieceNormalizer::Unit SentencePieceNormalizer::unit_at(std::string_view text,
                                                               std::size_t at) const {
  if (const auto match = user_defined_.longest_at(text, at)) {
    return {match->end - at, text.substr(at, match->end - at)};
  }
  if (const auto match = charsmap_.longest_prefix(text.substr(at))) {
    return {match->bytes, match->replacement};
  }
  const std::size_t bytes = decode_utf8(text, at).bytes;
  return {bytes, text.substr(at, bytes)};
}

void SentencePieceNormalizer::put_unit(std::string_view normal, std::size_t begin, std::size_t end,
                                       Rewrite& out) const {
  while (!normal.empty()) {
    const std::size_t space = std::min(normal.find(' '), normal.size());
    if (space > 0) out.put(normal.substr(0, space), begin, end);
    if (space < normal.size()) out.put(space_, begin, end);
    normal.remove_prefix(std::min(space + 1, normal.size()));
  }
}

void SentencePieceNormalizer::run(std::string_view text, Rewrite& out) const {
  std::size_t at = 0;
  while (remove_extra_whitespaces_ && at < text.size()) {
    const Unit unit = unit_at(text, at);
    if (unit.normal != " ") break;
    at += unit.bytes;
  }
  if (at == text.size()) return;
  struct Pending {  // white space that is dropped if nothing follows
    std::string_view normal;
    std::size_t begin;
    std::size_t end;
  };
  std::vector<Pending> pending;
  if (add_dummy_prefix_) pending.push_back({" ", at, at});
  const auto flush = [&] {
    for (const Pending& part : pending) put_unit(part.normal, part.begin, part.end, out);
    pending.clear();
  };
  bool after_space = remove_extra_whitespaces_;
  while (at < text.size()) {
    const Unit unit = unit_at(text, at);
    const std::size_t end = at + unit.bytes;
    std::string_view normal = unit.normal;
    while (after_space && normal.starts_with(' ')) normal.remove_prefix(1);
    if (!normal.empty()) {
      after_space = remove_extra_whitespaces_ && normal.ends_with(' ');
      const std::size_t body =
          remove_extra_whitespaces_ ? without_spaces_at_end(normal, space_) : normal.size();
      if (body > 0) {
        flush();
        put_unit(normal.substr(0, body), at, end, out);
      }
      if (body < normal.size()) pending.push_back({normal.substr(body), at, end});
    }
    at = end;
  }
  if (!remove_extra_whitespaces_) flush();
}

}  // namespace hearth::engine

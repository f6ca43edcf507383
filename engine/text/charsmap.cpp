#include "engine/text/charsmap.h"

#include <cstring>

#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

// The parts of a Darts-clone unit.
std::uint32_t label(std::uint32_t unit) { return unit & 0x800000FFU; }
std::uint32_t value(std::uint32_t unit) { return unit & 0x7FFFFFFFU; }
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1U) != 0; }
std::size_t offset(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200U) >> 6); }

}  // namespace

Result<Charsmap> Charsmap::parse(std::string_view bytes, const std::string& where) {
  const auto invalid = [&] {
    return fail(ErrorCode::tokenizer_invalid, where + " has a damaged character map.");
  };
  Charsmap map;
  if (bytes.empty()) return map;
  std::uint32_t trie_bytes = 0;
  if (bytes.size() < sizeof trie_bytes) return invalid();
  std::memcpy(&trie_bytes, bytes.data(), sizeof trie_bytes);
  bytes.remove_prefix(sizeof trie_bytes);
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes > bytes.size()) return invalid();
  map.units_.resize(trie_bytes / 4);
  std::memcpy(map.units_.data(), bytes.data(), trie_bytes);
  map.replacements_ = bytes.substr(trie_bytes);
  if (map.replacements_.empty() || map.replacements_.back() != '\0') return invalid();
  if (!is_valid_utf8(map.replacements_)) return invalid();
  return map;
}

template <class Seen>
void Charsmap::walk(std::string_view text, const Seen& seen) const {
  if (units_.empty()) return;
  std::size_t node = offset(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size() || label(units_[node]) != byte) break;
    const std::uint32_t unit = units_[node];
    node ^= offset(unit);
    if (node >= units_.size()) break;
    if (!has_leaf(unit)) continue;
    const std::size_t begin = value(units_[node]);
    const bool is_inside = begin < replacements_.size();
    if (is_inside && !seen(Match{i + 1, replacements_.data() + begin})) return;
  }
}

std::optional<Charsmap::Match> Charsmap::longest_prefix(std::string_view text) const {
  std::optional<Match> longest;
  walk(text, [&](const Match& match) {
    longest = match;
    return true;
  });
  return longest;
}

std::optional<Charsmap::Match> Charsmap::shortest_prefix(std::string_view text) const {
  std::optional<Match> shortest;
  walk(text, [&](const Match& match) {
    shortest = match;
    return false;
  });
  return shortest;
}

}  // namespace hearth::engine

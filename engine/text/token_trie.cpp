#include "engine/text/token_trie.h"

#include <algorithm>

namespace hearth::engine {

std::uint32_t TokenTrie::child_of(std::uint32_t node, unsigned char byte) const {
  const auto& children = nodes_[node].children;
  const auto found = std::lower_bound(
      children.begin(), children.end(), byte,
      [](const auto& child, unsigned char wanted) { return child.first < wanted; });
  return found != children.end() && found->first == byte ? found->second : 0;
}

void TokenTrie::add(std::string_view text, TokenId id) {
  if (text.empty()) return;
  can_start_[static_cast<unsigned char>(text[0])] = true;
  std::uint32_t node = 0;
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    std::uint32_t child = child_of(node, byte);
    if (child == 0) {
      child = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
      auto& children = nodes_[node].children;
      children.insert(std::upper_bound(children.begin(), children.end(), std::pair{byte, child}),
                      {byte, child});
    }
    node = child;
  }
  nodes_[node].id = id;
}

}  // namespace hearth::engine

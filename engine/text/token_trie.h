// Finds the longest of many strings that starts at a place in a text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/token_id.h"

namespace hearth::engine {

// A byte trie. A search costs at most the longest string per place, whatever the text. Immutable
// once filled.
class TokenTrie {
 public:
  struct Match {
    std::size_t begin = 0;
    std::size_t end = 0;
    TokenId id = -1;
  };

  bool empty() const { return nodes_.size() == 1; }
  // The later of equal strings wins. An empty string is ignored.
  void add(std::string_view text, TokenId id);

  // The leftmost match at or after `at` that is allowed, the longest of those that start there.
  template <class Allowed>  // bool(const Match&)
  std::optional<Match> find(std::string_view text, std::size_t at, Allowed allowed) const {
    for (; at < text.size(); ++at) {
      if (!can_start_[static_cast<unsigned char>(text[at])]) continue;
      std::optional<Match> longest;
      std::uint32_t node = 0;
      for (std::size_t end = at; end < text.size();) {
        node = child_of(node, static_cast<unsigned char>(text[end]));
        if (node == 0) break;
        ++end;
        const Match match{at, end, nodes_[node].id};
        if (match.id >= 0 && allowed(match)) longest = match;
      }
      if (longest) return longest;
    }
    return std::nullopt;
  }

  // Calls visit(end, id) for each string that starts at `at`, from the shortest to the longest.
  template <class Visit>
  void each_at(std::string_view text, std::size_t at, Visit visit) const {
    std::uint32_t node = 0;
    for (std::size_t end = at; end < text.size();) {
      node = child_of(node, static_cast<unsigned char>(text[end]));
      if (node == 0) return;
      ++end;
      if (nodes_[node].id >= 0) visit(end, nodes_[node].id);
    }
  }

  // The longest string that starts at `at`.
  std::optional<Match> longest_at(std::string_view text, std::size_t at) const {
    std::optional<Match> longest;
    each_at(text, at, [&](std::size_t end, TokenId id) { longest = Match{at, end, id}; });
    return longest;
  }

 private:
  struct Node {
    std::vector<std::pair<unsigned char, std::uint32_t>> children;  // sorted by byte
    TokenId id = -1;
  };
  std::uint32_t child_of(std::uint32_t node, unsigned char byte) const;  // 0: none

  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::array<bool, 256> can_start_{};
};

}  // namespace hearth::engine

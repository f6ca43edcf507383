// All tokens of a vocabulary as one tree of bytes: what begins alike is looked at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/token_id.h"

namespace hearth::engine {

// Immutable: any number of threads may read it.
class TokenTree {
 public:
  // In the order of a walk: a node comes before its children, and those lie between it and
  // `behind`.
  struct Node {
    std::uint8_t byte = 0;
    std::uint16_t depth = 0;   // 1 for first bytes
    std::uint32_t behind = 0;  // the first node that is not below this one
    std::uint32_t ids_begin = 0;
    std::uint32_t ids_end = 0;  // tokens that end here: ids_[ids_begin, ids_end)
  };

  // bytes_by_id: what each token adds to a text; tokens without bytes (special ones) are not in the
  // tree, nor are those above 65535 bytes.
  explicit TokenTree(std::vector<std::string> bytes_by_id);

  std::span<const Node> nodes() const { return nodes_; }
  std::span<const TokenId> ids(const Node& node) const {
    return std::span(ids_).subspan(node.ids_begin, node.ids_end - node.ids_begin);
  }
  const std::string& bytes(TokenId id) const { return bytes_[static_cast<std::size_t>(id)]; }
  std::size_t num_ids() const { return bytes_.size(); }
  std::size_t depth_max() const { return depth_max_; }

 private:
  std::vector<std::string> bytes_;
  std::vector<Node> nodes_;
  std::vector<TokenId> ids_;
  std::size_t depth_max_ = 0;
};

}  // namespace hearth::engine

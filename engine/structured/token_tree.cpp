#include "engine/structured/token_tree.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace hearth::engine {
namespace {

std::size_t common_prefix(std::string_view a, std::string_view b) {
  const auto [end, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<std::size_t>(end - a.begin());
}

}  // namespace

TokenTree::TokenTree(std::vector<std::string> bytes_by_id) : bytes_(std::move(bytes_by_id)) {
  std::vector<TokenId> order;
  for (std::size_t id = 0; id < bytes_.size(); ++id) {
    const std::size_t size = bytes_[id].size();
    if (size > 0 && size <= std::numeric_limits<std::uint16_t>::max()) {
      order.push_back(static_cast<TokenId>(id));
    }
  }
  const auto text = [this](TokenId id) { return std::string_view(bytes(id)); };
  std::ranges::stable_sort(order, {}, text);

  std::vector<std::size_t> path;  // nodes from the root to the last one
  const auto leave = [&](std::size_t depth) {
    while (path.size() > depth) {
      nodes_[path.back()].behind = static_cast<std::uint32_t>(nodes_.size());
      path.pop_back();
    }
  };
  std::string_view before;
  for (const TokenId id : order) {
    const std::string_view now = text(id);
    leave(common_prefix(before, now));
    for (std::size_t depth = path.size(); depth < now.size(); ++depth) {
      path.push_back(nodes_.size());
      const auto place = static_cast<std::uint32_t>(ids_.size());
      nodes_.push_back({static_cast<std::uint8_t>(now[depth]),
                        static_cast<std::uint16_t>(depth + 1), 0, place, place});
    }
    ids_.push_back(id);
    nodes_[path.back()].ids_end = static_cast<std::uint32_t>(ids_.size());
    depth_max_ = std::max(depth_max_, now.size());
    before = now;
  }
  leave(0);
}

}  // namespace hearth::engine

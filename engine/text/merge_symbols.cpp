#include "engine/text/merge_symbols.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>

namespace hearth::engine {
namespace {

constexpr std::size_t kShortMax = 40;  // where scanning and the heap cost the same

Merge look_up(const MergeTable& merges, const ForbiddenIds* forbidden, TokenId left,
              TokenId right) {
  const Merge merge = merges.find(left, right);
  if (forbidden == nullptr || merge.id < 0) return merge;
  const auto id = static_cast<std::size_t>(merge.id);
  return id < forbidden->size() && (*forbidden)[id] ? Merge{} : merge;
}

void merge_short(const MergeTable& merges, const ForbiddenIds* forbidden,
                 std::vector<TokenId>& symbols) {
  std::array<Merge, kShortMax> pairs;  // pairs[i]: symbols i and i + 1
  std::size_t n = symbols.size();
  for (std::size_t i = 0; i + 1 < n; ++i) {
    pairs[i] = look_up(merges, forbidden, symbols[i], symbols[i + 1]);
  }
  while (n > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < n; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].id < 0) break;
    symbols[best] = pairs[best].id;
    std::memmove(&symbols[best] + 1, &symbols[best] + 2, (n - best - 2) * sizeof(TokenId));
    --n;
    if (best + 1 < n) {
      std::memmove(&pairs[best] + 1, &pairs[best] + 2, (n - best - 2) * sizeof(Merge));
      pairs[best] = look_up(merges, forbidden, symbols[best], symbols[best + 1]);
    }
    if (best > 0) {
      pairs[best - 1] = look_up(merges, forbidden, symbols[best - 1], symbols[best]);
    }
  }
  symbols.resize(n);
}

// A doubly linked list over the symbols, and candidate pairs (rank, position): the word's own,
// sorted once and read through, and a heap of those that joins make. Reading through is kind to the
// processor's caches, a heap is not. An entry is stale when the pair at its position no longer has
// that rank. A node is all that a join reads of a symbol, in a quarter of a cache line.
class LongMerger {
 public:
  LongMerger(const MergeTable& merges, const ForbiddenIds* forbidden,
             const std::vector<TokenId>& symbols)
      : merges_(merges), forbidden_(forbidden), nodes_(symbols.size()) {
    const auto n = static_cast<std::uint32_t>(symbols.size());
    sorted_.reserve(n);
    for (std::uint32_t i = 0; i < n; ++i) {
      nodes_[i] = {symbols[i], kNone, i > 0 ? i - 1 : kNone, i + 1 < n ? i + 1 : kNone};
    }
    for (std::uint32_t i = 0; i + 1 < n; ++i) {
      nodes_[i].rank = look_up(merges_, forbidden_, symbols[i], symbols[i + 1]).rank;
      if (nodes_[i].rank != kNone) sorted_.push_back(pack(nodes_[i].rank, i));
    }
    std::sort(sorted_.begin(), sorted_.end());
  }

  void run(std::vector<TokenId>& symbols) {
    while (const auto top = take()) {
      const auto position = static_cast<std::uint32_t>(*top);
      if (nodes_[position].rank == *top >> 32) join(position);
    }
    symbols.clear();
    for (std::uint32_t i = 0; i != kNone; i = nodes_[i].next) symbols.push_back(nodes_[i].id);
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;  // as in Merge: no rank; and no neighbour

  struct Node {
    TokenId id = -1;
    std::uint32_t rank = kNone;  // of the pair it makes with the next one; kNone when it is gone
    std::uint32_t previous = kNone;
    std::uint32_t next = kNone;
  };

  static std::uint64_t pack(std::uint32_t rank, std::uint32_t position) {
    return std::uint64_t{rank} << 32 | position;
  }

  // The pair to try next.
  std::optional<std::uint64_t> take() {
    const bool has_sorted = num_taken_ < sorted_.size();
    if (heap_.empty() || (has_sorted && sorted_[num_taken_] <= heap_.front())) {
      return has_sorted ? std::optional(sorted_[num_taken_++]) : std::nullopt;
    }
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const std::uint64_t top = heap_.back();
    heap_.pop_back();
    return top;
  }

  // The pair at i is a new one.
  void rank_again(std::uint32_t i) {
    Node& node = nodes_[i];
    node.rank = node.next == kNone
                    ? kNone
                    : look_up(merges_, forbidden_, node.id, nodes_[node.next].id).rank;
    if (node.rank == kNone) return;
    heap_.push_back(pack(node.rank, i));
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  void join(std::uint32_t i) {
    Node& left = nodes_[i];
    Node& right = nodes_[left.next];
    left.id = merges_.find(left.id, right.id).id;
    left.next = right.next;
    right.rank = kNone;
    if (left.next != kNone) nodes_[left.next].previous = i;
    if (left.previous != kNone) rank_again(left.previous);
    rank_again(i);
  }

  const MergeTable& merges_;
  const ForbiddenIds* forbidden_;
  std::vector<Node> nodes_;
  std::vector<std::uint64_t> sorted_;
  std::size_t num_taken_ = 0;  // of sorted_
  std::vector<std::uint64_t> heap_;
};

}  // namespace

void merge_symbols(const MergeTable& merges, const ForbiddenIds* forbidden,
                   std::vector<TokenId>& symbols) {
  if (symbols.size() < 2) return;
  if (symbols.size() <= kShortMax) return merge_short(merges, forbidden, symbols);
  LongMerger(merges, forbidden, symbols).run(symbols);
}

}  // namespace hearth::engine

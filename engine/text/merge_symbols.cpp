#include "engine/text/merge_symbols.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

// A doubly linked list over the symbols and a heap of candidate pairs (rank, position). An entry is
// stale when the pair at its position no longer has that rank.
class LongMerger {
 public:
  LongMerger(const MergeTable& merges, const ForbiddenIds* forbidden, std::vector<TokenId>& symbols)
      : merges_(merges),
        forbidden_(forbidden),
        symbols_(symbols),
        next_(symbols.size()),
        previous_(symbols.size()) {}

  void run() {
    const auto n = static_cast<std::uint32_t>(symbols_.size());
    for (std::uint32_t i = 0; i < n; ++i) {
      next_[i] = i + 1 < n ? i + 1 : kNone;
      previous_[i] = i > 0 ? i - 1 : kNone;
    }
    heap_.reserve(n);
    for (std::uint32_t i = 0; i < n; ++i) {
      const Merge merge = pair_at(i);
      if (merge.id >= 0) heap_.push_back(pack(merge.rank, i));
    }
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      const std::uint64_t top = heap_.back();
      heap_.pop_back();
      join(static_cast<std::uint32_t>(top >> 32), static_cast<std::uint32_t>(top));
    }
    std::size_t kept = 0;
    for (std::uint32_t i = 0; i != kNone; i = next_[i]) symbols_[kept++] = symbols_[i];
    symbols_.resize(kept);
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr TokenId kGone = -1;

  static std::uint64_t pack(std::uint32_t rank, std::uint32_t position) {
    return std::uint64_t{rank} << 32 | position;
  }

  Merge pair_at(std::uint32_t i) const {
    if (symbols_[i] == kGone || next_[i] == kNone) return {};
    return look_up(merges_, forbidden_, symbols_[i], symbols_[next_[i]]);
  }

  void push(std::uint32_t i) {
    const Merge merge = pair_at(i);
    if (merge.id < 0) return;
    heap_.push_back(pack(merge.rank, i));
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  void join(std::uint32_t rank, std::uint32_t i) {
    const Merge merge = pair_at(i);
    if (merge.id < 0 || merge.rank != rank) return;
    const std::uint32_t right = next_[i];
    symbols_[i] = merge.id;
    symbols_[right] = kGone;
    next_[i] = next_[right];
    if (next_[i] != kNone) previous_[next_[i]] = i;
    if (previous_[i] != kNone) push(previous_[i]);
    push(i);
  }

  const MergeTable& merges_;
  const ForbiddenIds* forbidden_;
  std::vector<TokenId>& symbols_;
  std::vector<std::uint32_t> next_;
  std::vector<std::uint32_t> previous_;
  std::vector<std::uint64_t> heap_;
};

}  // namespace

void merge_symbols(const MergeTable& merges, const ForbiddenIds* forbidden,
                   std::vector<TokenId>& symbols) {
  if (symbols.size() < 2) return;
  if (symbols.size() <= kShortMax) return merge_short(merges, forbidden, symbols);
  LongMerger(merges, forbidden, symbols).run();
}

}  // namespace hearth::engine

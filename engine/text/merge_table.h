// The merges of a byte-pair encoding: which two symbols join into which, and in what order of
// preference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/token_id.h"

namespace hearth::engine {

struct Merge {
  std::uint32_t rank = UINT32_MAX;  // smaller joins first; UINT32_MAX: the pair does not join
  TokenId id = -1;                  // the symbol they become
};

// Open addressing on the packed pair: one look-up is one cache line as a rule. Immutable once
// filled.
class MergeTable {
 public:
  void reserve(std::size_t num_merges);
  // A pair given twice keeps the later rank, as a map does in the reference.
  void add(TokenId left, TokenId right, Merge merge);

  Merge find(TokenId left, TokenId right) const {
    const std::uint64_t key = pack(left, right);
    for (std::size_t at = hash(key) & mask_;; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return slots_[at].merge;
      if (slots_[at].key == kFree) return {};
    }
  }

 private:
  struct Slot {
    std::uint64_t key = kFree;
    Merge merge;
  };
  static constexpr std::uint64_t kFree =
      UINT64_MAX;  // ids are not negative, so no pair packs to it

  static std::uint64_t pack(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }
  static std::size_t hash(std::uint64_t key) {
    key *= 0x9E3779B97F4A7C15U;  // Fibonacci hashing; the high half is the mixed one
    return static_cast<std::size_t>(key >> 32 ^ key >> 15);
  }
  void insert(std::uint64_t key, Merge merge);

  std::vector<Slot> slots_ = std::vector<Slot>(2);
  std::size_t mask_ = 1;
  std::size_t num_merges_ = 0;
};

}  // namespace hearth::engine

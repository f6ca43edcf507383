// The ids of words seen lately. Text repeats its words, and a look-up costs less than merging.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/token_id.h"

namespace hearth::engine {

// Direct-mapped, 1 MiB, for words of at most 24 bytes and 6 ids. One per thread, so that an
// immutable tokenizer can be shared without locks; entries of all tokenizers live in it, told apart
// by their serial.
class WordCache {
 public:
  static constexpr std::size_t kWordBytesMax = 24;
  static constexpr std::size_t kIdsMax = 6;

  static WordCache& of_this_thread();

  // The ids of the word, or an empty span when they are not known. Valid until put.
  std::span<const TokenId> find(std::uint32_t owner, std::string_view word);
  void put(std::uint32_t owner, std::string_view word, std::span<const TokenId> ids);

 private:
  struct Entry {
    std::uint32_t owner = 0;  // 0: free
    std::uint8_t num_bytes = 0;
    std::uint8_t num_ids = 0;
    std::array<char, kWordBytesMax> word{};
    std::array<TokenId, kIdsMax> ids{};
  };
  static constexpr std::size_t kNumEntries = std::size_t{1} << 14;

  static std::size_t index_of(std::uint32_t owner, std::string_view word);

  std::vector<Entry> entries_ = std::vector<Entry>(kNumEntries);
};

}  // namespace hearth::engine

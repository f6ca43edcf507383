// Tokens and their ids. Ids may have holes; strings need not be UTF-8 (raw byte-level tokens).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/token_id.h"

namespace hearth::engine {

// One past the largest id a vocabulary may have; the largest published ones have a quarter million
// entries.
inline constexpr TokenId kTokenIdEnd = 1 << 22;

// Filled once, then immutable: any number of threads may look up at once.
class Vocabulary {
 public:
  // False when the id is outside [0, kTokenIdEnd), the id or the token is there already, or 1 GiB
  // is full.
  bool add(std::string_view token, TokenId id);

  std::optional<TokenId> find(std::string_view token) const;
  // The token with that id, or nullopt. Valid as long as the vocabulary.
  std::optional<std::string_view> token(TokenId id) const;

  std::size_t size() const { return num_entries_; }
  std::size_t id_end() const { return entries_.size(); }  // one past the largest id

 private:
  struct Entry {
    std::uint32_t begin = 0;
    std::uint32_t bytes = 0;
    bool used = false;
  };
  struct Slot {
    std::uint32_t hash = 0;
    TokenId id = -1;
  };

  std::string_view text(TokenId id) const;
  std::size_t find_slot(std::string_view token, std::uint32_t hash) const;
  void grow();

  std::string bytes_;
  std::vector<Entry> entries_;  // by id
  std::vector<Slot> slots_;     // open addressing, a power of two, at most half full
  std::size_t num_entries_ = 0;
};

// A hash of up to a few dozen bytes. Not stable between versions.
std::uint64_t hash_bytes(std::string_view bytes);

}  // namespace hearth::engine

// The name of a full KV block: a keyed 128-bit hash of everything its contents depend on, so of the
// whole prefix up to its end. The key is secret and new in every process: nobody outside can search
// for two prefixes with one name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/base/token_id.h"

namespace hearth::engine {

struct BlockHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const BlockHash&) const = default;
};

struct HashOfBlockHash {
  std::size_t operator()(const BlockHash& hash) const { return hash.low; }
};

struct BlockHashKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

BlockHashKey random_block_hash_key();

// SipHash-2-4 with 128 bits out ("SipHash: a fast short-input PRF", Aumasson and Bernstein 2012)
// over (parent, salt, ids).
//   parent: of the block before, {} for the first
//   salt:   0 for blocks that everybody may share
//   ids:    of a full block; empty: the key of the tail that comes next
BlockHash hash_block(const BlockHashKey& key, const BlockHash& parent, std::uint64_t salt,
                     std::span<const TokenId> ids);

}  // namespace hearth::engine

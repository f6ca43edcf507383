// KV blocks as integers: who holds which, which contents are still worth keeping, which is taken
// next. It never sees a tensor.
//
// A block is held (references > 0) or free. A free block whose contents have a name stays findable
// until it is taken again; free blocks are taken least recently used first. A hit is checked
// against the ids themselves, not only against the hash.
//
// A full block is shared by all who find it. The last block of a sequence that ended is rarely
// full: it is a tail, and belongs to the first who finds it, who writes on where it stops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/base/token_id.h"
#include "engine/runtime/block_hash.h"

namespace hearth::engine {

using BlockId = std::int32_t;

// Engine thread only.
class BlockManager {
 public:
  BlockManager(std::int64_t num_blocks, std::int64_t block_size);

  std::int64_t num_blocks() const { return static_cast<std::int64_t>(blocks_.size()); }
  std::int64_t block_size() const { return block_size_; }
  std::int64_t num_free() const { return num_free_; }  // findable ones included
  std::int64_t num_findable() const { return static_cast<std::int64_t>(by_hash_.size()); }
  std::int32_t references(BlockId block) const;
  bool is_findable(BlockId block) const;

  // Takes the least useful free block and forgets what it held. num_free() > 0.
  BlockId take();

  // Finds the block with this name, parent and contents and adds a reference; −1 when there is
  // none.
  BlockId find(const BlockHash& hash, const BlockHash& parent, std::span<const TokenId> ids);

  // Names the contents of a held block. Does nothing when another block has that name already.
  void name(BlockId block, const BlockHash& hash, const BlockHash& parent,
            std::span<const TokenId> ids);

  // True when find would find it, whatever the ids.
  bool has(const BlockHash& hash) const { return by_hash_.contains(hash); }

  // Names the first tokens of a block that is held once and about to be released. `key` stands for
  // what comes before it; it takes the place of an older tail with the same key.
  void name_tail(BlockId block, const BlockHash& key, std::span<const TokenId> ids);

  // Takes the tail with this key, if it begins as `ids` does. It loses its name.
  struct Tail {
    BlockId block = -1;           // −1: there is none
    std::int64_t num_tokens = 0;  // leading ones that are the same, > 0
  };
  Tail take_tail(const BlockHash& key, std::span<const TokenId> ids);

  // Drops one reference of each. The last block becomes free first: the tail of a prefix is the
  // least likely to be asked for again.
  void release(std::span<const BlockId> blocks);

 private:
  struct Block {
    std::int32_t references = 0;
    std::int64_t num_named = 0;  // leading tokens: 0, block_size, or fewer: a tail
    BlockHash hash;              // of a tail: its key
    BlockHash parent;
    BlockId previous = -1;  // in the list of free blocks
    BlockId next = -1;
  };
  Block& at(BlockId block) { return blocks_[static_cast<std::size_t>(block)]; }
  const Block& at(BlockId block) const { return blocks_[static_cast<std::size_t>(block)]; }
  std::span<TokenId> ids_of(BlockId block);
  void forget_name(BlockId block);
  void unlink(BlockId block);
  void link_first(BlockId block);
  void link_last(BlockId block);

  std::int64_t block_size_;
  std::vector<Block> blocks_;
  std::vector<TokenId> ids_;  // [num_blocks, block_size], of the blocks that have a name
  std::unordered_map<BlockHash, BlockId, HashOfBlockHash> by_hash_;
  std::unordered_map<BlockHash, BlockId, HashOfBlockHash> tails_;
  BlockId first_free_ = -1;  // taken next
  BlockId last_free_ = -1;
  std::int64_t num_free_ = 0;
};

}  // namespace hearth::engine

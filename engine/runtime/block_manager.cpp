#include "engine/runtime/block_manager.h"

#include <algorithm>

#include "engine/base/check.h"

namespace hearth::engine {

BlockManager::BlockManager(std::int64_t num_blocks, std::int64_t block_size)
    : block_size_(block_size),
      blocks_(static_cast<std::size_t>(num_blocks)),
      ids_(static_cast<std::size_t>(num_blocks * block_size)) {
  CHECK(num_blocks > 0);
  CHECK(num_blocks <= INT32_MAX);
  CHECK(block_size > 0);
  for (std::size_t i = 0; i < blocks_.size(); ++i) link_last(static_cast<BlockId>(i));
}

std::int32_t BlockManager::references(BlockId block) const { return at(block).references; }

bool BlockManager::is_findable(BlockId block) const { return at(block).num_named > 0; }

BlockId BlockManager::take() {
  CHECK(num_free_ > 0);
  const BlockId id = first_free_;
  unlink(id);
  forget_name(id);
  at(id).references = 1;
  return id;
}

void BlockManager::forget_name(BlockId id) {
  Block& block = at(id);
  if (block.num_named == 0) return;
  (block.num_named == block_size_ ? by_hash_ : tails_).erase(block.hash);
  block.num_named = 0;
}

BlockId BlockManager::find(const BlockHash& hash, const BlockHash& parent,
                           std::span<const TokenId> ids) {
  const auto entry = by_hash_.find(hash);
  if (entry == by_hash_.end()) return -1;
  const BlockId id = entry->second;
  if (at(id).parent != parent) return -1;
  if (!std::ranges::equal(ids_of(id), ids)) return -1;
  if (at(id).references == 0) unlink(id);
  ++at(id).references;
  return id;
}

void BlockManager::name(BlockId id, const BlockHash& hash, const BlockHash& parent,
                        std::span<const TokenId> ids) {
  Block& block = at(id);
  CHECK(block.references > 0);
  CHECK(static_cast<std::int64_t>(ids.size()) == block_size_);
  if (block.num_named > 0) return;
  if (!by_hash_.emplace(hash, id).second) return;
  block.num_named = block_size_;
  block.hash = hash;
  block.parent = parent;
  std::ranges::copy(ids, ids_of(id).begin());
}

void BlockManager::name_tail(BlockId id, const BlockHash& key, std::span<const TokenId> ids) {
  Block& block = at(id);
  CHECK(block.references == 1);
  CHECK(block.num_named == 0);
  CHECK(!ids.empty());
  CHECK(static_cast<std::int64_t>(ids.size()) < block_size_);
  if (const auto older = tails_.find(key); older != tails_.end()) forget_name(older->second);
  tails_.emplace(key, id);
  block.num_named = static_cast<std::int64_t>(ids.size());
  block.hash = key;
  std::ranges::copy(ids, ids_of(id).begin());
}

BlockManager::Tail BlockManager::take_tail(const BlockHash& key, std::span<const TokenId> ids) {
  const auto entry = tails_.find(key);
  if (entry == tails_.end()) return {};
  const BlockId id = entry->second;
  const auto named = ids_of(id).first(static_cast<std::size_t>(at(id).num_named));
  const auto num_same = std::ranges::mismatch(named, ids).in1 - named.begin();
  if (num_same == 0) return {};
  unlink(id);
  forget_name(id);
  at(id).references = 1;
  return {id, num_same};
}

void BlockManager::release(std::span<const BlockId> blocks) {
  for (std::size_t i = blocks.size(); i-- > 0;) {
    Block& block = at(blocks[i]);
    CHECK(block.references > 0);
    if (--block.references > 0) continue;
    // A block without a name can serve nobody: it goes before all that can.
    if (block.num_named > 0) {
      link_last(blocks[i]);
    } else {
      link_first(blocks[i]);
    }
  }
}

std::span<TokenId> BlockManager::ids_of(BlockId block) {
  const auto size = static_cast<std::size_t>(block_size_);
  return std::span(ids_).subspan(static_cast<std::size_t>(block) * size, size);
}

void BlockManager::unlink(BlockId id) {
  Block& block = at(id);
  (block.previous >= 0 ? at(block.previous).next : first_free_) = block.next;
  (block.next >= 0 ? at(block.next).previous : last_free_) = block.previous;
  block.previous = block.next = -1;
  --num_free_;
}

void BlockManager::link_first(BlockId id) {
  at(id).next = first_free_;
  (first_free_ >= 0 ? at(first_free_).previous : last_free_) = id;
  first_free_ = id;
  ++num_free_;
}

void BlockManager::link_last(BlockId id) {
  at(id).previous = last_free_;
  (last_free_ >= 0 ? at(last_free_).next : first_free_) = id;
  last_free_ = id;
  ++num_free_;
}

}  // namespace hearth::engine

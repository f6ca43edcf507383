// The part of Scheduler that knows what need not be computed again.
#include <algorithm>

#include "engine/base/check.h"
#include "engine/runtime/scheduler.h"

namespace hearth::engine {

// Only blocks that lie wholly in the operator's prefix are named without the user's salt.
void Scheduler::hash_full_blocks(Sequence& sequence) const {
  const auto size = static_cast<std::size_t>(blocks_.block_size());
  std::vector<BlockHash>& hashes = sequence.block_hashes;
  while ((hashes.size() + 1) * size <= sequence.ids.size()) {
    const std::size_t begin = hashes.size() * size;
    const bool is_shared = begin + size <= sequence.request.num_shared_prefix;
    const BlockHash parent = hashes.empty() ? BlockHash{} : hashes.back();
    hashes.push_back(hash_block(options_.hash_key, parent,
                                is_shared ? 0 : sequence.request.cache_salt,
                                std::span(sequence.ids).subspan(begin, size)));
  }
}

// Takes what the prefix cache has into the block table, but for what an output is wanted of: at
// least one token is left to compute.
std::size_t Scheduler::find_prefix(Sequence& sequence) {
  hash_full_blocks(sequence);
  const auto size = static_cast<std::size_t>(blocks_.block_size());
  const std::size_t num_max = static_cast<std::size_t>(sequence.first_wanted()) / size;
  for (std::size_t i = 0; i < num_max; ++i) {
    const BlockHash parent = i == 0 ? BlockHash{} : sequence.block_hashes[i - 1];
    const BlockId block = blocks_.find(sequence.block_hashes[i], parent,
                                       std::span(sequence.ids).subspan(i * size, size));
    if (block < 0) break;
    sequence.block_table.push_back(block);
  }
  return sequence.block_table.size();
}

// Always with the user's salt: what the operator's prefix does not fill is the user's.
BlockHash Scheduler::tail_key(const Sequence& sequence, std::size_t num_blocks) const {
  const BlockHash parent = num_blocks == 0 ? BlockHash{} : sequence.block_hashes[num_blocks - 1];
  return hash_block(options_.hash_key, parent, sequence.request.cache_salt, {});
}

// The next turn of a conversation goes on in the block where the last one stopped.
void Scheduler::find_tail(Sequence& sequence) {
  if (traits_.state_bytes > 0) return;  // kept at block boundaries only
  const std::size_t num_blocks = sequence.block_table.size();
  const std::size_t begin = num_blocks * static_cast<std::size_t>(blocks_.block_size());
  const auto end = static_cast<std::size_t>(sequence.first_wanted());
  const BlockManager::Tail tail = blocks_.take_tail(
      tail_key(sequence, num_blocks), std::span(sequence.ids).subspan(begin, end - begin));
  if (tail.block < 0) return;
  sequence.block_table.push_back(tail.block);
  sequence.num_computed += tail.num_tokens;
}

void Scheduler::keep_tail(Sequence& sequence) {
  const std::int64_t size = blocks_.block_size();
  const auto num_full = static_cast<std::size_t>(sequence.num_computed / size);
  const auto num_tail = static_cast<std::size_t>(sequence.num_computed % size);
  if (num_tail == 0 || traits_.state_bytes > 0) return;
  const auto begin = num_full * static_cast<std::size_t>(size);
  blocks_.name_tail(sequence.block_table[num_full], tail_key(sequence, num_full),
                    std::span(sequence.ids).subspan(begin, num_tail));
}

void Scheduler::name_full_blocks(Sequence& sequence) {
  const auto size = static_cast<std::size_t>(blocks_.block_size());
  const std::size_t num_full = static_cast<std::size_t>(sequence.num_computed) / size;
  if (num_full == sequence.num_named) return;
  hash_full_blocks(sequence);
  for (std::size_t i = sequence.num_named; i < num_full; ++i) {
    const BlockHash parent = i == 0 ? BlockHash{} : sequence.block_hashes[i - 1];
    blocks_.name(sequence.block_table[i], sequence.block_hashes[i], parent,
                 std::span(sequence.ids).subspan(i * size, size));
    const auto announced = announced_.find(sequence.block_hashes[i]);
    if (announced != announced_.end() && announced->second == &sequence)
      announced_.erase(announced);
  }
  sequence.num_named = num_full;
}

void Scheduler::announce_blocks(Sequence& sequence) {
  for (std::size_t i = sequence.num_named; i < sequence.block_hashes.size(); ++i)
    announced_.emplace(sequence.block_hashes[i], &sequence);
}

void Scheduler::withdraw_blocks(Sequence& sequence) {
  for (std::size_t i = sequence.num_named; i < sequence.block_hashes.size(); ++i) {
    const auto announced = announced_.find(sequence.block_hashes[i]);
    if (announced != announced_.end() && announced->second == &sequence)
      announced_.erase(announced);
  }
}

// The running sequence that computes what this one needs next; nullptr: nobody does, or so little
// of it that waiting costs more.
Sequence* Scheduler::provider_of(Sequence& sequence) {
  if (!traits_.can_cache || announced_.empty()) return nullptr;
  hash_full_blocks(sequence);
  const std::vector<BlockHash>& hashes = sequence.block_hashes;
  const auto size = static_cast<std::size_t>(blocks_.block_size());
  const std::size_t num_max = static_cast<std::size_t>(sequence.first_wanted()) / size;
  std::size_t begin = 0;
  while (begin < num_max && blocks_.has(hashes[begin])) ++begin;
  std::size_t end = begin;
  while (end < num_max && announced_.contains(hashes[end])) ++end;
  const auto num_tokens = static_cast<std::int64_t>((end - begin) * size);
  if (num_tokens == 0) return nullptr;
  if (num_tokens < options_.wait_for_prefix_min && !sequence.has_waited_for_prefix) return nullptr;
  sequence.has_waited_for_prefix = true;
  return announced_.at(hashes[begin]);
}

}  // namespace hearth::engine

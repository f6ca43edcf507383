#include "engine/text/merge_table.h"

namespace hearth::engine {

void MergeTable::reserve(std::size_t num_merges) {
  std::size_t num_slots = slots_.size();
  while (num_slots < 2 * num_merges + 2) num_slots *= 2;
  if (num_slots == slots_.size()) return;
  std::vector<Slot> old(num_slots);
  old.swap(slots_);
  mask_ = num_slots - 1;
  num_merges_ = 0;
  for (const Slot& slot : old) {
    if (slot.key != kFree) insert(slot.key, slot.merge);
  }
}

void MergeTable::add(TokenId left, TokenId right, Merge merge) {
  reserve(num_merges_ + 1);
  insert(pack(left, right), merge);
}

void MergeTable::insert(std::uint64_t key, Merge merge) {
  std::size_t at = hash(key) & mask_;
  while (slots_[at].key != kFree && slots_[at].key != key) at = (at + 1) & mask_;
  if (slots_[at].key == kFree) ++num_merges_;
  slots_[at] = {key, merge};
}

}  // namespace hearth::engine

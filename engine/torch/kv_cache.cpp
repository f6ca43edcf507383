#include "engine/torch/kv_cache.h"

#include <cstddef>

namespace hearth::engine {

KvCache::KvCache(const KvShape& shape, std::span<const at::TensorOptions> layers) : shape_(shape) {
  const std::int64_t num_slots = shape.num_blocks * shape.block_size;
  for (const at::TensorOptions& options : layers) {
    keys_.push_back(at::empty({num_slots, shape.num_kv_heads, shape.head_dim}, options));
    values_.push_back(at::empty({num_slots, shape.num_kv_heads, shape.head_dim}, options));
  }
}

void KvCache::write(std::int64_t layer, const at::Tensor& slots, const at::Tensor& k,
                    const at::Tensor& v) {
  keys_[static_cast<std::size_t>(layer)].index_copy_(0, slots, k);
  values_[static_cast<std::size_t>(layer)].index_copy_(0, slots, v);
}

KvCache::Chunk KvCache::read(std::int64_t layer, std::span<const std::int32_t> block_table,
                             std::int64_t begin, std::int64_t end) const {
  const at::Tensor& keys = keys_[static_cast<std::size_t>(layer)];
  const at::Tensor& values = values_[static_cast<std::size_t>(layer)];
  const std::int64_t size = shape_.block_size;
  const auto first_block = static_cast<std::size_t>(begin / size);
  const auto last_block = static_cast<std::size_t>((end - 1) / size);
  bool is_one_run = true;
  for (std::size_t b = first_block; b < last_block; ++b) {
    is_one_run = is_one_run && block_table[b] + 1 == block_table[b + 1];
  }
  const std::int64_t start = block_table[first_block] * size + begin % size;
  if (is_one_run) {
    return {keys.narrow(0, start, end - begin), values.narrow(0, start, end - begin)};
  }
  at::Tensor slots = at::empty({end - begin}, at::kLong);
  std::int64_t* const slot = slots.data_ptr<std::int64_t>();
  for (std::int64_t t = begin; t < end; ++t) {
    slot[t - begin] = block_table[static_cast<std::size_t>(t / size)] * size + t % size;
  }
  slots = slots.to(keys.device());
  return {keys.index_select(0, slots), values.index_select(0, slots)};
}

}  // namespace hearth::engine

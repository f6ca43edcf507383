#include "engine/cpu/kv_cache.h"

#include <utility>

#include "engine/cpu/kernels/half.h"
#include "engine/cpu/kernels/kernels.h"

namespace hearth::engine::cpu {

std::int64_t KvCache::bytes_per_block(const Shape& shape) {
  return shape.num_layers * shape.num_kv_heads * padded_head(shape.head_dim) * kBlockTokens * 2 * 2;
}

Result<KvCache> KvCache::create(const Shape& shape) {
  KvCache cache;
  cache.shape_ = shape;
  cache.head_elements_ = padded_head(shape.head_dim) * kBlockTokens * 2;
  auto arena = Arena::create(static_cast<std::size_t>(bytes_per_block(shape) * shape.num_blocks));
  if (!arena) return tl::unexpected(arena.error());
  cache.arena_ = std::move(*arena);
  cache.data_ = reinterpret_cast<std::uint16_t*>(cache.arena_.take(cache.arena_.size()));
  return cache;
}

void KvCache::put(std::int64_t layer, std::int64_t kv_head, std::int32_t block_index,
                  std::int64_t offset, const float* key, const float* value) {
  std::uint16_t* keys = block(layer, kv_head, block_index);
  for (std::int64_t d = 0; d < shape_.head_dim; ++d)
    keys[(d / 2) * 2 * kBlockTokens + offset * 2 + d % 2] = to_bf16(key[d]);
  std::uint16_t* values = keys + (kBlockTokens + offset) * padded_head(shape_.head_dim);
  for (std::int64_t d = 0; d < shape_.head_dim; ++d) values[d] = to_bf16(value[d]);
}

}  // namespace hearth::engine::cpu

#include "engine/cpu/kv_cache.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/cpu/kernels/half.h"
#include "engine/cpu/kernels/kernels.h"

namespace hearth::engine::cpu {
namespace {

std::int64_t elements_per_head(const KvCache::Shape& shape) {
  return padded_head(shape.head_dim) * kBlockTokens * 2;
}

std::int64_t bytes_per_head(const KvCache::Shape& shape) {
  const std::int64_t elements = elements_per_head(shape);
  return shape.dtype == KvDtype::bf16
             ? elements * 2
             : elements + 2 * kBlockTokens * static_cast<std::int64_t>(sizeof(float));
}

// Key channel d of the token at `offset`.
std::int64_t key_index(std::int64_t d, std::int64_t offset) {
  return (d / 2) * 2 * kBlockTokens + offset * 2 + d % 2;
}

// max|x| / 127, or NaN.
float int8_scale(const float* x, std::int64_t n) {
  float largest = 0.0F;
  float fault = 0.0F;
  for (std::int64_t i = 0; i < n; ++i) {
    largest = std::max(largest, std::fabs(x[i]));
    fault += x[i] * 0.0F;  // NaN for what is not finite
  }
  return largest / 127.0F + fault;
}

// Of x that is a number and at most 127 scales large; else 0, which the scale makes NaN.
std::int8_t to_int8(float x, float inverse) {
  const float rounded = std::nearbyint(x * inverse);
  return std::fabs(rounded) <= 127.0F ? static_cast<std::int8_t>(rounded) : std::int8_t{0};
}

}  // namespace

std::int64_t KvCache::bytes_per_block(const Shape& shape) {
  return shape.num_layers * shape.num_kv_heads * bytes_per_head(shape);
}

Result<KvCache> KvCache::create(const Shape& shape) {
  KvCache cache;
  cache.shape_ = shape;
  cache.head_elements_ = elements_per_head(shape);
  cache.head_bytes_ = bytes_per_head(shape);
  cache.num_chunks_ = chunks_of(shape);
  auto arena = Arena::create(
      static_cast<std::size_t>(bytes_per_block(shape) * cache.num_chunks_ * kChunkBlocks));
  if (!arena) return tl::unexpected(arena.error());
  cache.arena_ = std::move(*arena);
  cache.data_ = cache.arena_.take(cache.arena_.size());
  return cache;
}

void KvCache::put(std::int64_t layer, std::int64_t kv_head, std::int32_t block, std::int64_t offset,
                  const float* key, const float* value) {
  std::uint8_t* data = at(layer, kv_head, block);
  const std::int64_t dim = shape_.head_dim;
  const std::int64_t first_value = (kBlockTokens + offset) * padded_head(dim);
  if (shape_.dtype == KvDtype::bf16) {
    auto* out = reinterpret_cast<std::uint16_t*>(data);
    for (std::int64_t d = 0; d < dim; ++d) out[key_index(d, offset)] = to_bf16(key[d]);
    for (std::int64_t d = 0; d < dim; ++d) out[first_value + d] = to_bf16(value[d]);
    return;
  }
  auto* out = reinterpret_cast<std::int8_t*>(data);
  auto* scales = reinterpret_cast<float*>(data + head_elements_);
  const float key_scale = scales[offset] = int8_scale(key, dim);
  const float value_scale = scales[kBlockTokens + offset] = int8_scale(value, dim);
  const float key_inverse = key_scale > 0.0F ? 1.0F / key_scale : 0.0F;
  const float value_inverse = value_scale > 0.0F ? 1.0F / value_scale : 0.0F;
  for (std::int64_t d = 0; d < dim; ++d) out[key_index(d, offset)] = to_int8(key[d], key_inverse);
  for (std::int64_t d = 0; d < dim; ++d) out[first_value + d] = to_int8(value[d], value_inverse);
}

}  // namespace hearth::engine::cpu

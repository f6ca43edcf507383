// Keys and values of all sequences, in blocks of 16 tokens, bf16.
//
// A block of one layer and KV head holds K as [D / 2][16 tokens][2] and V as [16 tokens][D], D =
// head_dim padded with zeros to whole vectors of 16: one vector of K is the same two channels of
// all 16 keys, so scores need no sum across lanes.
#pragma once

#include <cstdint>

#include "engine/base/error.h"
#include "engine/cpu/arena.h"

namespace hearth::engine::cpu {

inline std::int64_t padded_head(std::int64_t head_dim) { return (head_dim + 15) / 16 * 16; }

// Written and read by the workers during a step; each (token, head) by one of them.
class KvCache {
 public:
  struct Shape {
    std::int64_t num_layers = 0;
    std::int64_t num_kv_heads = 0;
    std::int64_t head_dim = 0;
    std::int64_t num_blocks = 0;
  };

  // Memory is taken page by page as blocks are first used. Errors: out_of_memory.
  static Result<KvCache> create(const Shape& shape);

  static std::int64_t bytes_per_block(const Shape& shape);

  std::uint16_t* block(std::int64_t layer, std::int64_t kv_head, std::int32_t block) {
    return data_ +
           ((layer * shape_.num_blocks + block) * shape_.num_kv_heads + kv_head) * head_elements_;
  }
  const std::uint16_t* block(std::int64_t layer, std::int64_t kv_head, std::int32_t block) const {
    return data_ +
           ((layer * shape_.num_blocks + block) * shape_.num_kv_heads + kv_head) * head_elements_;
  }

  // Stores one token's key and value ([head_dim] each), rounded to bf16, at `offset` (0…15) of a
  // block.
  void put(std::int64_t layer, std::int64_t kv_head, std::int32_t block, std::int64_t offset,
           const float* key, const float* value);

 private:
  Shape shape_;
  Arena arena_;
  std::uint16_t* data_ = nullptr;
  std::int64_t head_elements_ = 0;
};

}  // namespace hearth::engine::cpu

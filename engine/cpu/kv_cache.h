// Keys and values of all sequences, in blocks of 16 tokens, as bf16 or as int8 with a scale for
// each token and head.
//
// A block of one layer and KV head holds K as [D / 2][16 tokens][2] and V as [16 tokens][D], D =
// head_dim padded with zeros to whole vectors of 16: one vector of K is the same two channels of
// all 16 keys, so scores need no sum across lanes. In int8 the fp32 scales follow: of the 16 keys,
// of the 16 values. A token is rounded once, when it is put, by itself alone: what others see of it
// does not depend on the batch it came with.
//
// Sixteen blocks of one head lie together. With all heads of a block side by side, those of one
// head would share a part of the cache's sets (half of them with two heads), and what a prompt
// reads again for each of its tokens would not stay in the second-level cache.
#pragma once

#include <cstdint>

#include "engine/base/error.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/cpu/arena.h"
#include "engine/cpu/kernels/kernels.h"

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
    KvDtype dtype = KvDtype::bf16;
  };
  struct Int8Block {
    const std::int8_t* values;
    const float* scales;  // [2 · 16]
  };

  // Memory is taken page by page as blocks are first used. Errors: out_of_memory.
  static Result<KvCache> create(const Shape& shape);

  // Of one block of tokens, all layers and heads.
  static std::int64_t bytes_per_block(const Shape& shape);

  KvDtype dtype() const { return shape_.dtype; }
  std::int64_t elements() const { return head_elements_; }  // of one layer's and head's block

  // Of the cache's own dtype; the other one's must not be called.
  const std::uint16_t* bf16_block(std::int64_t layer, std::int64_t kv_head,
                                  std::int32_t block) const {
    return reinterpret_cast<const std::uint16_t*>(at(layer, kv_head, block));
  }
  Int8Block int8_block(std::int64_t layer, std::int64_t kv_head, std::int32_t block) const {
    const std::uint8_t* data = at(layer, kv_head, block);
    return {reinterpret_cast<const std::int8_t*>(data),
            reinterpret_cast<const float*>(data + head_elements_)};
  }

  // Stores one token's key and value ([head_dim] each), rounded, at `offset` (0…15) of a block.
  // int8: round(x · 127 / max|x|) with the scale max|x| / 127, which is NaN where an x is not
  // finite.
  void put(std::int64_t layer, std::int64_t kv_head, std::int32_t block, std::int64_t offset,
           const float* key, const float* value);

 private:
  std::uint8_t* at(std::int64_t layer, std::int64_t kv_head, std::int32_t block) const {
    const std::int64_t chunk = block / kChunkBlocks;
    const std::int64_t place =
        ((layer * num_chunks_ + chunk) * shape_.num_kv_heads + kv_head) * kChunkBlocks;
    return data_ + (place + block % kChunkBlocks) * head_bytes_;
  }

  static constexpr std::int64_t kChunkBlocks = kChunkTokens / kBlockTokens;
  static std::int64_t chunks_of(const Shape& shape) {
    return (shape.num_blocks + kChunkBlocks - 1) / kChunkBlocks;
  }

  Shape shape_;
  std::int64_t num_chunks_ = 0;
  Arena arena_;
  std::uint8_t* data_ = nullptr;
  std::int64_t head_elements_ = 0;
  std::int64_t head_bytes_ = 0;
};

}  // namespace hearth::engine::cpu

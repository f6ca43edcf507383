// Keys and values of all sequences, in blocks that the scheduler hands out as integers.
// "PagedAttention", Kwon et al. 2023.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/torch/torch.h"

namespace hearth::engine {

struct KvShape {
  std::int64_t num_blocks = 0;
  std::int64_t block_size = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t head_dim = 0;
};

// Memory is taken at construction and written in place; freed blocks are not cleared, since only
// positions that their sequence has written are ever read. Owned by a decoder; engine thread only.
class KvCache {
 public:
  // layers: dtype and device of each layer's part.
  KvCache(const KvShape& shape, std::span<const at::TensorOptions> layers);

  // k, v: [T, Hkv, D]; slots: [T] int64, block · block_size + offset
  void write(std::int64_t layer, const at::Tensor& slots, const at::Tensor& k, const at::Tensor& v);

  struct Chunk {
    at::Tensor k;  // [n, Hkv, D]
    at::Tensor v;
  };

  // Tokens [begin, end) of a sequence. A view where the blocks lie side by side (what a block pool
  // should aim for); else a copy of these tokens alone.
  Chunk read(std::int64_t layer, std::span<const std::int32_t> block_table, std::int64_t begin,
             std::int64_t end) const;

  std::int64_t block_size() const { return shape_.block_size; }

 private:
  KvShape shape_;
  std::vector<at::Tensor> keys_;  // per layer, [num_blocks · block_size, Hkv, D]
  std::vector<at::Tensor> values_;
};

}  // namespace hearth::engine

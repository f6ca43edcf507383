// Causal attention of one sequence over its paged cache, in fixed chunks of 256 positions (DESIGN
// §10, "Numbers").
#pragma once

#include <cstdint>
#include <span>

#include "engine/torch/kv_cache.h"
#include "engine/torch/torch.h"

namespace hearth::engine {

constexpr std::int64_t kAttentionChunk = 256;

struct AttentionParams {
  double scale = 1.0;
  double softcap = 0.0;     // before the mask; 0: none
  std::int64_t window = 0;  // a query sees itself and window − 1 before it; 0: all
  std::int64_t prefix = 0;  // every query sees the keys before this position (ChatGLM-6B)
};

// q: [T, H, D], the sequence's tokens at positions position … position + T − 1, whose keys and
// values are in the cache. Scores and values in the dtype of q, softmax and the sum over chunks in
// fp32. → [T, H · D]
at::Tensor attend(const at::Tensor& q, const KvCache& cache, std::int64_t layer,
                  std::span<const std::int32_t> block_table, std::int64_t position,
                  const AttentionParams& params);

}  // namespace hearth::engine

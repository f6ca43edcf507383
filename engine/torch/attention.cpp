#include "engine/torch/attention.h"

#include <algorithm>
#include <limits>

#include "engine/torch/ops.h"

namespace hearth::engine {
namespace {

// Softmax numerator, denominator and maximum over the chunks so far; "FlashAttention", Dao et al.
// 2022, algorithm 1. All [Hkv, R, …] with R = query heads per key head × T.
struct Partial {
  at::Tensor max;     // [Hkv, R, 1]
  at::Tensor sum;     // [Hkv, R, 1]
  at::Tensor values;  // [Hkv, R, D]
};

Partial combined(const Partial& a, const Partial& b) {
  const at::Tensor max = at::maximum(a.max, b.max);
  const at::Tensor weight_a = (a.max - max).exp_();
  const at::Tensor weight_b = (b.max - max).exp_();
  return {max, a.sum * weight_a + b.sum * weight_b, a.values * weight_a + b.values * weight_b};
}

// True where query t (row) may not see key k (column).
at::Tensor hidden_keys(std::int64_t position, std::int64_t num_queries, std::int64_t begin,
                       std::int64_t end, const AttentionParams& params, const at::Device& device) {
  const auto options = at::TensorOptions(at::kLong).device(device);
  const at::Tensor query = at::arange(position, position + num_queries, options).unsqueeze(1);
  const at::Tensor key = at::arange(begin, end, options).unsqueeze(0);
  at::Tensor hidden = key > query;
  if (params.window > 0) hidden = hidden.logical_or(key <= query - params.window);
  if (params.prefix > 0) hidden = hidden.logical_and(key >= params.prefix);
  return hidden;
}

}  // namespace

at::Tensor attend(const at::Tensor& q, const KvCache& cache, std::int64_t layer,
                  std::span<const std::int32_t> block_table, std::int64_t position,
                  const AttentionParams& params) {
  const std::int64_t num_queries = q.size(0);
  const std::int64_t num_heads = q.size(1);
  const std::int64_t head_dim = q.size(2);
  const std::int64_t length = position + num_queries;
  const std::int64_t oldest =
      params.window > 0 ? std::max<std::int64_t>(0, position - params.window + 1) : 0;

  at::Tensor rows;  // [Hkv, G · T, D]
  Partial total;
  for (std::int64_t begin = oldest / kAttentionChunk * kAttentionChunk; begin < length;
       begin += kAttentionChunk) {
    const std::int64_t end = std::min(begin + kAttentionChunk, length);
    const KvCache::Chunk chunk = cache.read(layer, block_table, begin, end);
    const std::int64_t num_kv_heads = chunk.k.size(1);
    const std::int64_t group = num_heads / num_kv_heads;
    if (!rows.defined()) {
      rows = q.view({num_queries, num_kv_heads, group, head_dim})
                 .permute({1, 2, 0, 3})
                 .reshape({num_kv_heads, group * num_queries, head_dim});
    }
    at::Tensor scores = at::bmm(rows, chunk.k.permute({1, 2, 0})).to(at::kFloat) * params.scale;
    scores = soft_capped(scores, params.softcap);
    const bool sees_all = end <= std::max(position + 1, params.prefix) &&
                          (params.window == 0 || begin > length - 1 - params.window);
    if (!sees_all) {
      // The lowest number and not −∞: a row that sees nothing of this chunk then weighs 0 beside
      // one that it does see.
      scores.view({num_kv_heads, group, num_queries, end - begin})
          .masked_fill_(hidden_keys(position, num_queries, begin, end, params, q.device()),
                        std::numeric_limits<float>::lowest());
    }
    Partial part;
    part.max = scores.amax(-1, /*keepdim=*/true);
    const at::Tensor weights = scores.sub_(part.max).exp_();
    part.sum = weights.sum(-1, /*keepdim=*/true);
    part.values = at::bmm(weights.to(q.scalar_type()), chunk.v.permute({1, 0, 2})).to(at::kFloat);
    total = total.max.defined() ? combined(total, part) : part;
  }
  const std::int64_t num_kv_heads = rows.size(0);
  return (total.values / total.sum)
      .to(q.scalar_type())
      .view({num_kv_heads, num_heads / num_kv_heads, num_queries, head_dim})
      .permute({2, 0, 1, 3})
      .reshape({num_queries, num_heads * head_dim});
}

}  // namespace hearth::engine

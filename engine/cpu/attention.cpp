#include "engine/cpu/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "engine/cpu/worker_pool.h"

namespace hearth::engine::cpu {

Attention::Attention(const KernelTable& kernels, const AttentionShape& shape, int num_workers)
    : kernels_(kernels), shape_(shape), scratch_(static_cast<std::size_t>(num_workers)) {
  const auto size = static_cast<std::size_t>(kMaxQueries * padded_head(shape.head_dim));
  for (Scratch& scratch : scratch_) {
    scratch.queries.resize(size);
    scratch.partial.resize(size);
    scratch.total.resize(size);
  }
}

void Attention::run(std::span<const AttentionRow> rows, const KvCache& cache, std::int64_t layer,
                    std::int64_t window, const float* queries, std::int64_t stride, float* out,
                    WorkerPool& pool) {
  const std::int64_t group = shape_.num_heads / shape_.num_kv_heads;
  items_.clear();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::int64_t num_queries = rows[r].num_tokens * group;
    for (std::int64_t h = 0; h < shape_.num_kv_heads; ++h) {
      for (std::int64_t q = 0; q < num_queries; q += kMaxQueries) {
        items_.push_back(
            {static_cast<std::int32_t>(r), static_cast<std::int32_t>(h), q,
             static_cast<std::int32_t>(std::min<std::int64_t>(kMaxQueries, num_queries - q))});
      }
    }
  }
  pool.for_each(static_cast<std::int64_t>(items_.size()), 1,
                [&](std::int64_t begin, std::int64_t end, int worker) {
                  for (std::int64_t i = begin; i < end; ++i) {
                    const Item& item = items_[static_cast<std::size_t>(i)];
                    attend(item, rows[static_cast<std::size_t>(item.row)], cache, layer, window,
                           queries, stride, out, scratch_[static_cast<std::size_t>(worker)]);
                  }
                });
}

void Attention::attend(const Item& item, const AttentionRow& row, const KvCache& cache,
                       std::int64_t layer, std::int64_t window, const float* queries,
                       std::int64_t stride, float* out, Scratch& scratch) const {
  const std::int64_t dim = shape_.head_dim;
  const auto padded = static_cast<std::size_t>(padded_head(dim));
  const std::int64_t group = shape_.num_heads / shape_.num_kv_heads;
  const auto num = static_cast<std::size_t>(item.num_queries);
  std::array<std::int64_t, kMaxQueries> seen_from{};
  std::array<std::int64_t, kMaxQueries> seen_to{};
  std::array<float, kMaxQueries> largest{};
  std::array<float, kMaxQueries> weight{};
  std::int64_t begin = std::numeric_limits<std::int64_t>::max();
  std::int64_t end = 0;
  for (std::size_t q = 0; q < num; ++q) {
    const std::int64_t index = item.first_query + static_cast<std::int64_t>(q);
    const std::int64_t token = index / group;
    const std::int64_t head = item.kv_head * group + index % group;
    const float* query = queries + (row.first_token + token) * stride + head * dim;
    for (std::int64_t d = 0; d < dim; ++d)
      scratch.queries[q * padded + static_cast<std::size_t>(d)] = query[d] * shape_.scale;
    seen_to[q] = row.position + token + 1;
    seen_from[q] = window > 0 ? std::max<std::int64_t>(0, seen_to[q] - window) : 0;
    begin = std::min(begin, seen_from[q]);
    end = std::max(end, seen_to[q]);
    largest[q] = -std::numeric_limits<float>::infinity();
    weight[q] = 0.0F;
  }
  std::fill_n(scratch.total.begin(), num * padded, 0.0F);

  std::array<const std::uint16_t*, kChunkTokens / kBlockTokens> blocks{};
  std::array<int, kMaxQueries> first{};
  std::array<int, kMaxQueries> last{};
  std::array<float, kMaxQueries> chunk_largest{};
  std::array<float, kMaxQueries> chunk_weight{};
  for (std::int64_t chunk = begin / kChunkTokens * kChunkTokens; chunk < end;
       chunk += kChunkTokens) {
    const std::int64_t chunk_end = std::min(end, chunk + kChunkTokens);
    for (std::int64_t t = chunk; t < chunk_end; t += kBlockTokens) {
      blocks[static_cast<std::size_t>((t - chunk) / kBlockTokens)] = cache.block(
          layer, item.kv_head, row.block_table[static_cast<std::size_t>(t / kBlockTokens)]);
    }
    for (std::size_t q = 0; q < num; ++q) {
      first[q] = static_cast<int>(std::clamp<std::int64_t>(seen_from[q] - chunk, 0, kChunkTokens));
      last[q] = static_cast<int>(std::clamp<std::int64_t>(seen_to[q] - chunk, 0, kChunkTokens));
    }
    kernels_.attend({scratch.queries.data(), item.num_queries, static_cast<int>(padded),
                     blocks.data(), first.data(), last.data(), shape_.softcap, chunk_largest.data(),
                     chunk_weight.data(), scratch.partial.data()});
    for (std::size_t q = 0; q < num; ++q) {
      if (first[q] >= last[q]) continue;
      const float top = std::max(largest[q], chunk_largest[q]);
      const float keep = std::exp(largest[q] - top);
      const float add = std::exp(chunk_largest[q] - top);
      largest[q] = top;
      weight[q] = weight[q] * keep + chunk_weight[q] * add;
      float* total = scratch.total.data() + q * padded;
      const float* partial = scratch.partial.data() + q * padded;
      for (std::int64_t d = 0; d < dim; ++d) total[d] = total[d] * keep + partial[d] * add;
    }
  }
  for (std::size_t q = 0; q < num; ++q) {
    const std::int64_t index = item.first_query + static_cast<std::int64_t>(q);
    const std::int64_t head = item.kv_head * group + index % group;
    float* to = out + (row.first_token + index / group) * shape_.num_heads * dim + head * dim;
    for (std::int64_t d = 0; d < dim; ++d)
      to[d] = scratch.total[q * padded + static_cast<std::size_t>(d)] / weight[q];
  }
}

}  // namespace hearth::engine::cpu

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

// The running softmax of one item: chunks are added in ascending order.
class Attention::Sum {
 public:
  Sum(std::size_t num_queries, std::size_t width, float* total)
      : num_queries_(num_queries), width_(width), total_(total) {
    max_.fill(-std::numeric_limits<float>::infinity());
    weight_.fill(0.0F);
    std::fill_n(total_, num_queries * width, 0.0F);
  }

  void add(const Partial& partial) {
    for (std::size_t q = 0; q < num_queries_; ++q) {
      if (partial.sum[q] == 0.0F) continue;  // sees nothing of the chunk
      const float top = std::max(max_[q], partial.max[q]);
      // One of the two is e^0.
      const float keep = top == max_[q] ? 1.0F : std::exp(max_[q] - top);
      const float add = top == partial.max[q] ? 1.0F : std::exp(partial.max[q] - top);
      max_[q] = top;
      weight_[q] = weight_[q] * keep + partial.sum[q] * add;
      float* total = total_ + q * width_;
      const float* more = partial.out + q * width_;
      for (std::size_t d = 0; d < width_; ++d) total[d] = total[d] * keep + more[d] * add;
    }
  }

  // Writes query q's result, [head_dim].
  void finish(std::size_t q, std::int64_t head_dim, float* out) const {
    const float* total = total_ + q * width_;
    for (std::int64_t d = 0; d < head_dim; ++d) out[d] = total[d] / weight_[q];
  }

 private:
  std::size_t num_queries_;
  std::size_t width_;
  float* total_;  // [num_queries, width]
  std::array<float, kMaxQueries> max_{};
  std::array<float, kMaxQueries> weight_{};
};

void Attention::plan(const Step& step) {
  const std::int64_t group = shape_.num_heads / shape_.num_kv_heads;
  items_.clear();
  for (std::size_t r = 0; r < step.rows.size(); ++r) {
    const std::int64_t num_queries = step.rows[r].num_tokens * group;
    for (std::int64_t h = 0; h < shape_.num_kv_heads; ++h) {
      for (std::int64_t q = 0; q < num_queries; q += kMaxQueries) {
        items_.push_back(
            {static_cast<std::int32_t>(r), static_cast<std::int32_t>(h), q,
             static_cast<std::int32_t>(std::min<std::int64_t>(kMaxQueries, num_queries - q))});
      }
    }
  }
}

void Attention::run(std::span<const AttentionRow> rows, const KvCache& cache, std::int64_t layer,
                    std::int64_t window, const float* queries, std::int64_t stride, float* out,
                    WorkerPool& pool) {
  const Step step{rows, cache, layer, window, queries, stride, out};
  plan(step);
  const auto count = static_cast<std::int64_t>(items_.size());
  if (count < pool.size()) return run_split(step, pool);
  pool.for_each(count, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
    for (std::int64_t i = begin; i < end; ++i)
      attend(items_[static_cast<std::size_t>(i)], step, scratch_[static_cast<std::size_t>(worker)]);
  });
}

Attention::Sight Attention::sight_of(const Item& item, const Step& step) const {
  const std::int64_t group = shape_.num_heads / shape_.num_kv_heads;
  const AttentionRow& row = step.rows[static_cast<std::size_t>(item.row)];
  Sight sight{};
  std::int64_t begin = std::numeric_limits<std::int64_t>::max();
  for (std::size_t q = 0; q < static_cast<std::size_t>(item.num_queries); ++q) {
    const std::int64_t token = (item.first_query + static_cast<std::int64_t>(q)) / group;
    sight.to[q] = row.position + token + 1;
    sight.from[q] = step.window > 0 ? std::max<std::int64_t>(0, sight.to[q] - step.window) : 0;
    begin = std::min(begin, sight.from[q]);
    sight.end = std::max(sight.end, sight.to[q]);
  }
  sight.first_chunk = begin / kChunkTokens * kChunkTokens;
  return sight;
}

void Attention::load_queries(const Item& item, const Step& step, Scratch& scratch) const {
  const std::int64_t dim = shape_.head_dim;
  const std::int64_t group = shape_.num_heads / shape_.num_kv_heads;
  const AttentionRow& row = step.rows[static_cast<std::size_t>(item.row)];
  for (std::size_t q = 0; q < static_cast<std::size_t>(item.num_queries); ++q) {
    const std::int64_t index = item.first_query + static_cast<std::int64_t>(q);
    const std::int64_t head = item.kv_head * group + index % group;
    const float* query =
        step.queries + (row.first_token + index / group) * step.stride + head * dim;
    float* to = scratch.queries.data() + q * width();
    for (std::int64_t d = 0; d < dim; ++d) to[d] = query[d] * shape_.scale;
  }
}

// The block as the kernels read it; of an int8 cache, a copy at `place` (0…15) of the scratch.
const std::uint16_t* Attention::readable_block(const Step& step, std::int64_t kv_head,
                                               std::int32_t block, std::size_t place,
                                               Scratch& scratch) const {
  if (step.cache.dtype() == KvDtype::bf16) return step.cache.bf16_block(step.layer, kv_head, block);
  const auto size = static_cast<std::size_t>(step.cache.elements());
  scratch.kv.resize(size * (kChunkTokens / kBlockTokens));
  std::uint16_t* copy = scratch.kv.data() + place * size;
  const auto [values, scales] = step.cache.int8_block(step.layer, kv_head, block);
  kernels_.widen_kv(values, scales, static_cast<int>(width()), copy);
  return copy;
}

void Attention::attend_chunk(const Item& item, const Step& step, const Sight& sight,
                             std::int64_t chunk, Scratch& scratch, Partial& partial) const {
  const AttentionRow& row = step.rows[static_cast<std::size_t>(item.row)];
  std::array<const std::uint16_t*, kChunkTokens / kBlockTokens> blocks{};
  std::array<int, kMaxQueries> first{};
  std::array<int, kMaxQueries> last{};
  const std::int64_t chunk_end = std::min(sight.end, chunk + kChunkTokens);
  for (std::int64_t t = chunk; t < chunk_end; t += kBlockTokens) {
    const auto place = static_cast<std::size_t>((t - chunk) / kBlockTokens);
    blocks[place] =
        readable_block(step, item.kv_head,
                       row.block_table[static_cast<std::size_t>(t / kBlockTokens)], place, scratch);
  }
  const auto num = static_cast<std::size_t>(item.num_queries);
  for (std::size_t q = 0; q < num; ++q) {
    first[q] = static_cast<int>(std::clamp<std::int64_t>(sight.from[q] - chunk, 0, kChunkTokens));
    last[q] = static_cast<int>(std::clamp<std::int64_t>(sight.to[q] - chunk, 0, kChunkTokens));
  }
  kernels_.attend({scratch.queries.data(), item.num_queries, static_cast<int>(width()),
                   blocks.data(), first.data(), last.data(), shape_.softcap, partial.max.data(),
                   partial.sum.data(), partial.out});
  for (std::size_t q = 0; q < num; ++q) {
    if (first[q] >= last[q]) partial.sum[q] = 0.0F;
  }
}

void Attention::attend(const Item& item, const Step& step, Scratch& scratch) const {
  const Sight sight = sight_of(item, step);
  load_queries(item, step, scratch);
  Sum sum(static_cast<std::size_t>(item.num_queries), width(), scratch.total.data());
  Partial partial{{}, {}, scratch.partial.data()};
  for (std::int64_t chunk = sight.first_chunk; chunk < sight.end; chunk += kChunkTokens) {
    attend_chunk(item, step, sight, chunk, scratch, partial);
    sum.add(partial);
  }
  write(item, step, sum);
}

void Attention::write(const Item& item, const Step& step, const Sum& sum) const {
  const std::int64_t dim = shape_.head_dim;
  const std::int64_t group = shape_.num_heads / shape_.num_kv_heads;
  const AttentionRow& row = step.rows[static_cast<std::size_t>(item.row)];
  for (std::size_t q = 0; q < static_cast<std::size_t>(item.num_queries); ++q) {
    const std::int64_t index = item.first_query + static_cast<std::int64_t>(q);
    const std::int64_t head = item.kv_head * group + index % group;
    const std::int64_t token = row.first_token + index / group;
    sum.finish(q, dim, step.out + (token * shape_.num_heads + head) * dim);
  }
}

// The chunks are computed by whoever is free and kept; then each item adds its own in the same
// order as attend does.
void Attention::run_split(const Step& step, WorkerPool& pool) {
  chunks_.clear();
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Sight sight = sight_of(items_[i], step);
    for (std::int64_t chunk = sight.first_chunk; chunk < sight.end; chunk += kChunkTokens)
      chunks_.push_back({i, chunk});
  }
  const std::size_t values = kMaxQueries * width();
  if (partial_values_.size() < chunks_.size() * values)
    partial_values_.resize(chunks_.size() * values);
  partials_.resize(chunks_.size());
  const auto count = static_cast<std::int64_t>(chunks_.size());
  pool.for_each(count, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
    Scratch& scratch = scratch_[static_cast<std::size_t>(worker)];
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const Item& item = items_[chunks_[i].item];
      load_queries(item, step, scratch);
      partials_[i].out = partial_values_.data() + i * values;
      attend_chunk(item, step, sight_of(item, step), chunks_[i].chunk, scratch, partials_[i]);
    }
  });
  std::size_t next = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    Sum sum(static_cast<std::size_t>(items_[i].num_queries), width(), scratch_[0].total.data());
    for (; next < chunks_.size() && chunks_[next].item == i; ++next) sum.add(partials_[next]);
    write(items_[i], step, sum);
  }
}

}  // namespace hearth::engine::cpu

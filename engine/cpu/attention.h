// Paged attention of one step: every (sequence, KV head, tile of queries) is an item that one
// worker computes alone, or, where there are fewer items than workers (a few people with long
// conversations on many cores), several workers chunk by chunk.
//
// Keys are reduced in chunks of 256 at absolute positions, and the chunks combined in ascending
// order with the rescaling of "Online normalizer calculation for softmax" (Milakov & Gimelshein
// 2018). So a token's result does not depend on what else is in the batch, on how its prompt was
// cut, or on which worker computed it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/cpu/kernels/kernels.h"
#include "engine/cpu/kv_cache.h"

namespace hearth::engine::cpu {

class WorkerPool;

// One sequence's new tokens, already in the cache.
struct AttentionRow {
  std::int64_t first_token = 0;  // row of its first token in queries and out
  std::int64_t num_tokens = 0;
  std::int64_t position = 0;  // of its first token
  std::span<const std::int32_t> block_table;
};

struct AttentionShape {
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t head_dim = 0;
  float scale = 1.0F;  // multiplies q·k
  float softcap = 0.0F;
};

// Owned by the decoder; run is called by the engine thread.
class Attention {
 public:
  Attention(const KernelTable& kernels, const AttentionShape& shape, int num_workers);

  // queries: rows of `stride` floats that begin with [num_heads, head_dim], after rope. out:
  // [tokens, num_heads · head_dim]. window: a query sees itself and window − 1 tokens before it; 0:
  // all.
  void run(std::span<const AttentionRow> rows, const KvCache& cache, std::int64_t layer,
           std::int64_t window, const float* queries, std::int64_t stride, float* out,
           WorkerPool& pool);

 private:
  struct Item {
    std::int32_t row = 0;
    std::int32_t kv_head = 0;
    std::int64_t first_query = 0;  // index over (token, head of the group), token-major
    std::int32_t num_queries = 0;
  };
  // What all items of a run share.
  struct Step {
    std::span<const AttentionRow> rows;
    const KvCache& cache;
    std::int64_t layer;
    std::int64_t window;
    const float* queries;
    std::int64_t stride;
    float* out;
  };
  // Which keys an item's queries see; absolute positions.
  struct Sight {
    std::array<std::int64_t, kMaxQueries> from;
    std::array<std::int64_t, kMaxQueries> to;
    std::int64_t first_chunk;  // position, a multiple of kChunkTokens
    std::int64_t end;
  };
  // One chunk's softmax before its division: largest score, Σ exp, Σ exp · v.
  struct Partial {
    std::array<float, kMaxQueries> max;
    std::array<float, kMaxQueries> sum;
    float* out;  // [kMaxQueries, D], D = padded_head(head_dim)
  };
  struct Scratch {
    std::vector<float> queries;     // [kMaxQueries, D]
    std::vector<float> partial;     // [kMaxQueries, D]
    std::vector<float> total;       // [kMaxQueries, D]
    std::vector<std::uint16_t> kv;  // int8 cache: a chunk's blocks in bf16
  };
  class Sum;

  void plan(const Step& step);
  Sight sight_of(const Item& item, const Step& step) const;
  void load_queries(const Item& item, const Step& step, Scratch& scratch) const;
  const std::uint16_t* readable_block(const Step& step, std::int64_t kv_head, std::int32_t block,
                                      std::size_t place, Scratch& scratch) const;
  void attend_chunk(const Item& item, const Step& step, const Sight& sight, std::int64_t chunk,
                    Scratch& scratch, Partial& partial) const;
  void attend(const Item& item, const Step& step, Scratch& scratch) const;
  void write(const Item& item, const Step& step, const Sum& sum) const;
  void run_split(const Step& step, WorkerPool& pool);

  std::size_t width() const { return static_cast<std::size_t>(padded_head(shape_.head_dim)); }

  const KernelTable& kernels_;
  AttentionShape shape_;
  std::vector<Scratch> scratch_;  // one for each worker
  std::vector<Item> items_;

  // run_split: the chunks of all items, and their results.
  struct ChunkOfItem {
    std::size_t item = 0;
    std::int64_t chunk = 0;
  };
  std::vector<ChunkOfItem> chunks_;
  std::vector<Partial> partials_;
  std::vector<float> partial_values_;
};

}  // namespace hearth::engine::cpu

// Paged attention of one step: every (sequence, KV head, tile of queries) is an item that one
// worker computes alone.
//
// Keys are reduced in chunks of 256 at absolute positions, and the chunks combined in ascending
// order with the rescaling of "Online normalizer calculation for softmax" (Milakov & Gimelshein
// 2018). So a token's result does not depend on what else is in the batch, on how its prompt was
// cut, or on which worker computed it.
#pragma once

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
  struct Scratch {
    std::vector<float> queries;  // [kMaxQueries, D], D = padded_head(head_dim)
    std::vector<float> partial;  // [kMaxQueries, D]  one chunk's sums
    std::vector<float> total;    // [kMaxQueries, D]  all chunks' so far
  };

  void attend(const Item& item, const AttentionRow& row, const KvCache& cache, std::int64_t layer,
              std::int64_t window, const float* queries, std::int64_t stride, float* out,
              Scratch& scratch) const;

  const KernelTable& kernels_;
  AttentionShape shape_;
  std::vector<Scratch> scratch_;  // one for each worker
  std::vector<Item> items_;
};

}  // namespace hearth::engine::cpu

// Attention over the paged KV cache, for decodes and prompts alike (performance §2.3: split keys,
// any query group).
//
// A block has a few queries of one row and key/value head (AttentionItem) and takes the keys in
// chunks of 256 at absolute positions, one key a thread; the running softmax adds chunks in
// ascending order. With num_splits > 1 the chunks of an item are shared out among that many blocks
// in stretches whose length depends on the number of chunks alone; each leaves its part in
// `partial`, and whichever block ends last adds them in ascending order. Up to kMaxSplits chunks
// both ways give the same bits.
#pragma once

#include <math.h>

#include "engine/cuda/kernels/arguments.h"
#include "engine/cuda/kernels/block.h"
#include "engine/cuda/kernels/heads.h"

namespace hearth::engine::cuda {

// Shared memory of a block with Q queries, in floats.
struct AttentionShared {
  float* queries;        // [Q, Dp], scaled
  float* probabilities;  // [Q, 256]
  float* parts;          // [slices, Q, Dp]: P·V of every slices-th key; slices · Dp ≤ 512
  float* total;          // [Q, Dp]
  float* running;        // [2, Q]: maximum and weight so far
  float* warp_max;       // [kWarps, Q]
  float* warp_weight;    // [kWarps, Q]
  int* is_last;

  static constexpr int floats(int num_queries, int padded_dim) {
    return num_queries * (2 * padded_dim + kThreads + 2 * kThreads + 2 + 2 * kWarps) + 1;
  }
};

constexpr float kNoScore = -3.0e38F;  // of a key that is not seen

template <class X, int Q>
struct Attention {
  AttentionArgs args;

  template <class Block>
  HEARTH_DEVICE void operator()(const Block& block) const {
    const Sight sight = sight_of(block.index().x);
    const int split = block.index().z;
    if (split >= sight.num_used) return;
    const AttentionShared shared = lay_out(static_cast<float*>(block.shared()));
    load_queries(block, sight, shared);
    const int begin = sight.first_chunk + split * sight.chunks_each;
    int end = begin + sight.chunks_each;
    if (end > sight.end_chunk) end = sight.end_chunk;
    for (int chunk = begin; chunk < end; ++chunk) add_chunk(block, sight, shared, chunk);
    if (sight.num_used == 1) return write(block, sight, shared);
    if (!leave_part(block, shared)) return;
    add_parts(block, sight, shared);
    write(block, sight, shared);
  }

 private:
  // What an item's queries see.
  struct Sight {
    AttentionItem item;
    RowSpan row;
    int group;
    int num_queries;  // of this item, ≤ Q
    int begin;        // keys that some query sees
    int end;
    int first_chunk;
    int end_chunk;
    int chunks_each;  // chunks of one split
    int num_used;     // splits that have any
  };

  HEARTH_DEVICE int token_of(const Sight& sight, int q) const {
    return (sight.item.first_query + q) / sight.group;
  }
  HEARTH_DEVICE int end_of(const Sight& sight, int q) const {
    return sight.row.position + token_of(sight, q) + 1;
  }
  HEARTH_DEVICE int begin_of(const Sight& sight, int q) const {
    const int begin = end_of(sight, q) - args.window;
    return args.window > 0 && begin > 0 ? begin : 0;
  }

  HEARTH_DEVICE Sight sight_of(int index) const {
    Sight sight;
    sight.item = args.items[index];
    sight.row = args.rows[sight.item.row];
    sight.group = args.heads.num_heads / args.heads.num_kv_heads;
    const int left = sight.row.num_tokens * sight.group - sight.item.first_query;
    sight.num_queries = left < Q ? left : Q;
    sight.begin = begin_of(sight, 0);
    sight.end = end_of(sight, sight.num_queries - 1);
    sight.first_chunk = sight.begin / kChunkTokens;
    sight.end_chunk = (sight.end + kChunkTokens - 1) / kChunkTokens;
    const int count = sight.end_chunk - sight.first_chunk;
    sight.chunks_each = args.num_splits == 1 ? count : (count + kMaxSplits - 1) / kMaxSplits;
    sight.num_used = (count + sight.chunks_each - 1) / sight.chunks_each;
    return sight;
  }

  HEARTH_DEVICE AttentionShared lay_out(float* at) const {
    const int dim = args.heads.padded_dim;
    AttentionShared shared;
    shared.queries = at;
    shared.probabilities = shared.queries + Q * dim;
    shared.parts = shared.probabilities + Q * kThreads;
    shared.total = shared.parts + Q * 2 * kThreads;
    shared.running = shared.total + Q * dim;
    shared.warp_max = shared.running + 2 * Q;
    shared.warp_weight = shared.warp_max + kWarps * Q;
    shared.is_last = reinterpret_cast<int*>(shared.warp_weight + kWarps * Q);
    return shared;
  }

  template <class Block>
  HEARTH_DEVICE void load_queries(const Block& block, const Sight& sight,
                                  const AttentionShared& shared) const {
    const int dim = args.heads.padded_dim;
    block.phase([&](int t) {
      for (int i = t; i < Q * dim; i += kThreads) {
        const int q = i / dim;
        const int c = i % dim;
        float value = 0.0F;
        if (q < sight.num_queries && c < args.heads.head_dim) {
          const int head =
              block.index().y * sight.group + (sight.item.first_query + q) % sight.group;
          const std::int64_t token = sight.row.first_token + token_of(sight, q);
          value =
              args.heads.queries[(token * args.heads.num_heads + head) * args.heads.head_dim + c] *
              args.scale;
        }
        shared.queries[i] = value;
        shared.total[i] = 0.0F;
      }
      if (t < Q) {
        shared.running[t] = kNoScore;
        shared.running[Q + t] = 0.0F;
      }
    });
  }

  // The KV block that holds a key.
  HEARTH_DEVICE int block_of(const Sight& sight, int key) const {
    return args.heads.tables[static_cast<std::int64_t>(sight.item.row) * args.heads.table_stride +
                             key / kBlockTokens];
  }

  HEARTH_DEVICE void score(const Sight& sight, const AttentionShared& shared, int kv_head, int key,
                           Values<Q>& scores) const {
    HEARTH_UNROLL
    for (int q = 0; q < Q; ++q) scores.v[q] = 0.0F;
    if (key >= sight.begin && key < sight.end) {
      const X* keys = static_cast<const X*>(args.heads.keys) +
                      head_block(args.heads, block_of(sight, key), kv_head) +
                      key % kBlockTokens * kPiece<X>;
      const int dim = args.heads.padded_dim;
      HEARTH_UNROLL_4
      for (int c = 0; c < dim; c += kPiece<X>) {
        float values[kPiece<X>];
        unpack(load_piece(keys + c * kBlockTokens), keys, values);
        HEARTH_UNROLL
        for (int q = 0; q < Q; ++q) {
          HEARTH_UNROLL
          for (int i = 0; i < kPiece<X>; ++i)
            scores.v[q] += shared.queries[q * dim + c + i] * values[i];
        }
      }
    }
    HEARTH_UNROLL
    for (int q = 0; q < Q; ++q) {
      if (args.softcap > 0.0F) scores.v[q] = args.softcap * tanhf(scores.v[q] / args.softcap);
      const bool is_seen =
          q < sight.num_queries && key >= begin_of(sight, q) && key < end_of(sight, q);
      if (!is_seen) scores.v[q] = kNoScore;
    }
  }

  // Scores, softmax and P·V of one chunk, added to the running softmax.
  template <class Block>
  HEARTH_DEVICE void add_chunk(const Block& block, const Sight& sight,
                               const AttentionShared& shared, int chunk) const {
    const int kv_head = block.index().y;
    typename Block::template Per<Values<Q>> scores;
    block.each([&](int t) { score(sight, shared, kv_head, chunk * kChunkTokens + t, scores[t]); });
    typename Block::template Per<Values<Q>> joined = scores;
    block.warp_max(joined);
    block.phase([&](int t) {
      if (t % kLanes != 0) return;
      HEARTH_UNROLL
      for (int q = 0; q < Q; ++q) shared.warp_max[t / kLanes * Q + q] = joined[t].v[q];
    });
    block.each([&](int t) {
      HEARTH_UNROLL
      for (int q = 0; q < Q; ++q) {
        const float top = chunk_max(shared, q);
        const float p = scores[t].v[q] == kNoScore ? 0.0F : expf(scores[t].v[q] - top);
        joined[t].v[q] = p;
        shared.probabilities[q * kThreads + t] = p;
      }
    });
    block.warp_sum(joined);
    block.phase([&](int t) {
      if (t % kLanes != 0) return;
      HEARTH_UNROLL
      for (int q = 0; q < Q; ++q) shared.warp_weight[t / kLanes * Q + q] = joined[t].v[q];
    });
    block.phase([&](int t) { weigh_values(sight, shared, kv_head, chunk, t); });
    block.phase([&](int t) { add_to_total(shared, t); });
    block.phase([&](int t) {
      if (t >= Q) return;
      const float weight = chunk_weight(shared, t);
      if (weight == 0.0F) return;
      const float old = shared.running[t];
      const float more = chunk_max(shared, t);
      const float top = old > more ? old : more;
      shared.running[t] = top;
      shared.running[Q + t] = shared.running[Q + t] * expf(old - top) + weight * expf(more - top);
    });
  }

  HEARTH_DEVICE float chunk_max(const AttentionShared& shared, int q) const {
    float top = shared.warp_max[q];
    HEARTH_UNROLL
    for (int w = 1; w < kWarps; ++w) {
      const float other = shared.warp_max[w * Q + q];
      top = top > other ? top : other;
    }
    return top;
  }
  HEARTH_DEVICE float chunk_weight(const AttentionShared& shared, int q) const {
    float sum = 0.0F;
    HEARTH_UNROLL
    for (int w = 0; w < kWarps; ++w) sum += shared.warp_weight[w * Q + q];
    return sum;
  }

  HEARTH_DEVICE int num_slices() const { return kThreads / (args.heads.padded_dim / 2); }

  // Thread t: two channels, and every slices-th key.
  HEARTH_DEVICE void weigh_values(const Sight& sight, const AttentionShared& shared, int kv_head,
                                  int chunk, int t) const {
    const int dim = args.heads.padded_dim;
    const int slice = t / (dim / 2);
    const int channel = t % (dim / 2) * 2;
    if (slice >= num_slices()) return;
    float sums[2 * Q];
    HEARTH_UNROLL
    for (int i = 0; i < 2 * Q; ++i) sums[i] = 0.0F;
    const int first = chunk * kChunkTokens;
    const int end = sight.end - first < kChunkTokens ? sight.end - first : kChunkTokens;
    int i =
        sight.begin > first ? (sight.begin - first) / num_slices() * num_slices() + slice : slice;
    if (first + i < sight.begin) i += num_slices();
    HEARTH_UNROLL_4
    for (; i < end; i += num_slices()) {
      const X* value = static_cast<const X*>(args.heads.values) +
                       head_block(args.heads, block_of(sight, first + i), kv_head) +
                       value_index(args.heads, channel, (first + i) % kBlockTokens);
      const float a = to_float(value[0]);
      const float b = to_float(value[1]);
      HEARTH_UNROLL
      for (int q = 0; q < Q; ++q) {
        const float p = shared.probabilities[q * kThreads + i];
        sums[2 * q] += p * a;
        sums[2 * q + 1] += p * b;
      }
    }
    HEARTH_UNROLL
    for (int q = 0; q < Q; ++q) {
      shared.parts[(slice * Q + q) * dim + channel] = sums[2 * q];
      shared.parts[(slice * Q + q) * dim + channel + 1] = sums[2 * q + 1];
    }
  }

  HEARTH_DEVICE void add_to_total(const AttentionShared& shared, int t) const {
    const int dim = args.heads.padded_dim;
    for (int i = t; i < Q * dim; i += kThreads) {
      const int q = i / dim;
      if (chunk_weight(shared, q) == 0.0F) continue;  // sees nothing of the chunk
      float sum = 0.0F;
      for (int slice = 0; slice < num_slices(); ++slice) sum += shared.parts[slice * Q * dim + i];
      const float old = shared.running[q];
      const float more = chunk_max(shared, q);
      const float top = old > more ? old : more;
      shared.total[i] = shared.total[i] * expf(old - top) + sum * expf(more - top);
    }
  }

  HEARTH_DEVICE std::int64_t item_index(Grid at) const {
    return static_cast<std::int64_t>(at.x) * args.heads.num_kv_heads + at.y;
  }
  HEARTH_DEVICE int part_floats() const { return Q * (args.heads.padded_dim + 2); }
  HEARTH_DEVICE float* part(Grid at, int split) const {
    return args.partial + (item_index(at) * args.num_splits + split) * part_floats();
  }

  // Writes this block's part; true for the block that is the last of its item.
  template <class Block>
  HEARTH_DEVICE bool leave_part(const Block& block, const AttentionShared& shared) const {
    const Grid at = block.index();
    const int dim = args.heads.padded_dim;
    block.each([&](int t) {
      float* out = part(at, at.z);
      for (int i = t; i < Q * dim; i += kThreads) out[i] = shared.total[i];
      if (t < 2 * Q) out[Q * dim + t] = shared.running[t];
    });
    block.publish();
    const int num_used = sight_of(at.x).num_used;
    block.phase([&](int t) {
      if (t != 0) return;
      std::int32_t* ticket = args.tickets + item_index(at);
      *shared.is_last = block.take_ticket(ticket) == num_used - 1 ? 1 : 0;
      if (*shared.is_last != 0) *ticket = 0;
    });
    return *shared.is_last != 0;
  }

  // shared.total and running from the parts of all splits.
  template <class Block>
  HEARTH_DEVICE void add_parts(const Block& block, const Sight& sight,
                               const AttentionShared& shared) const {
    const Grid at = block.index();
    const int dim = args.heads.padded_dim;
    block.phase([&](int t) {
      for (int i = t; i < Q * dim; i += kThreads) {
        const int q = i / dim;
        float total = 0.0F;
        float top = kNoScore;
        for (int split = 0; split < sight.num_used; ++split) {
          const float* from = part(at, split);
          const float more = from[Q * dim + q];
          if (from[Q * dim + Q + q] == 0.0F) continue;
          const float next = top > more ? top : more;
          total = total * expf(top - next) + from[i] * expf(more - next);
          top = next;
        }
        shared.total[i] = total;
      }
      if (t >= Q) return;
      float weight = 0.0F;
      float top = kNoScore;
      for (int split = 0; split < sight.num_used; ++split) {
        const float* from = part(at, split);
        const float more = from[Q * dim + t];
        const float sum = from[Q * dim + Q + t];
        if (sum == 0.0F) continue;
        const float next = top > more ? top : more;
        weight = weight * expf(top - next) + sum * expf(more - next);
        top = next;
      }
      shared.running[Q + t] = weight;
    });
  }

  template <class Block>
  HEARTH_DEVICE void write(const Block& block, const Sight& sight,
                           const AttentionShared& shared) const {
    const int dim = args.heads.padded_dim;
    block.each([&](int t) {
      for (int i = t; i < Q * dim; i += kThreads) {
        const int q = i / dim;
        const int c = i % dim;
        if (q >= sight.num_queries || c >= args.heads.head_dim) continue;
        const int head = block.index().y * sight.group + (sight.item.first_query + q) % sight.group;
        X* out = static_cast<X*>(args.out) +
                 static_cast<std::int64_t>(sight.row.first_token + token_of(sight, q)) *
                     args.out_stride +
                 head * args.heads.head_dim + c;
        store_float(shared.total[i] / shared.running[Q + q], *out);
      }
    });
  }
};

}  // namespace hearth::engine::cuda

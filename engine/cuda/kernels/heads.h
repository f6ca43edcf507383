// One pair of channels of one head, after its product: rope, then to the queries' buffer or into
// the KV cache. Used by both ways to compute q, k and v.
#pragma once

#include <cstdint>

#include "engine/cuda/kernels/arguments.h"

namespace hearth::engine::cuda {

// The two channels of pair j < D / 2. Beyond the rotated ones neighbours are a pair.
HEARTH_DEVICE int first_channel(const HeadArgs& heads, int j) {
  return j < heads.rope_half && !heads.interleaved ? j : 2 * j;
}
HEARTH_DEVICE int second_channel(const HeadArgs& heads, int j) {
  return j < heads.rope_half && !heads.interleaved ? j + heads.rope_half : 2 * j + 1;
}

HEARTH_DEVICE std::int64_t head_block(const HeadArgs& heads, int block, int kv_head) {
  return (static_cast<std::int64_t>(block) * heads.num_kv_heads + kv_head) * heads.padded_dim *
         kBlockTokens;
}

// Where channel c of the token at `offset` stands within head_block.
template <class X>
HEARTH_DEVICE int key_index(int channel, int offset) {
  return (channel / kPiece<X> * kBlockTokens + offset) * kPiece<X> + channel % kPiece<X>;
}
HEARTH_DEVICE int value_index(const HeadArgs& heads, int channel, int offset) {
  return offset * heads.padded_dim + channel;
}

// `head`: 0 … H − 1 are query heads, then key heads, then value heads.
template <class X>
HEARTH_DEVICE void put_pair(const HeadArgs& heads, int token, int head, int j, float a, float b) {
  const int position = heads.positions[token];
  const int first = first_channel(heads, j);
  const int second = second_channel(heads, j);
  if (head < heads.num_heads + heads.num_kv_heads && j < heads.rope_half) {
    const float* angle =
        heads.rope + (static_cast<std::int64_t>(position) * heads.rope_half + j) * 2;
    const float rotated = a * angle[0] - b * angle[1];
    b = b * angle[0] + a * angle[1];
    a = rotated;
  }
  if (head < heads.num_heads) {
    float* query = heads.queries +
                   (static_cast<std::int64_t>(token) * heads.num_heads + head) * heads.head_dim;
    query[first] = a;
    query[second] = b;
    return;
  }
  const int kv_head = (head - heads.num_heads) % heads.num_kv_heads;
  const int block =
      heads.tables[static_cast<std::int64_t>(heads.token_rows[token]) * heads.table_stride +
                   position / kBlockTokens];
  const int offset = position % kBlockTokens;
  const std::int64_t at = head_block(heads, block, kv_head);
  if (head < heads.num_heads + heads.num_kv_heads) {
    X* keys = static_cast<X*>(heads.keys) + at;
    store_float(a, keys[key_index<X>(first, offset)]);
    store_float(b, keys[key_index<X>(second, offset)]);
  } else {
    X* values = static_cast<X*>(heads.values) + at;
    store_float(a, values[value_index(heads, first, offset)]);
    store_float(b, values[value_index(heads, second, offset)]);
  }
}

}  // namespace hearth::engine::cuda

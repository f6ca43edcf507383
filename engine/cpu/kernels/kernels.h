// The inner loops of CpuDecoder, one table of functions for each instruction set. Chosen once, at
// start (engine/cpu/instruction_set.h).
//
// Goals: one linear stream of weights for each worker, no horizontal sums, and a summation order
// along K that depends on nothing but K: a row's result is the same bits whether it is computed
// alone, with 31 others, or in a prefill chunk (P9). Non-goals: any shape but a panel times a few
// rows; threads; allocation. Callers pad and split.
//
// Units that implement this table include nothing but <immintrin.h>, <stdint.h>, <stddef.h> and
// headers of this folder, whose functions all have internal linkage, so that no inline function
// compiled for a newer instruction set can be linked into code that runs on an older one.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace hearth::engine::cpu {

// Weights are packed in panels: 32 output rows (two vectors of 16), all of K. K is padded with
// zeros to a multiple of kGroup.
inline constexpr int kPanelRows = 32;
inline constexpr int kHalfRows = 16;
inline constexpr int kGroup = 32;        // values along K that share a scale
inline constexpr int kMaxRows = 12;      // most activation rows of one multiply call
inline constexpr int kMaxQueries = 8;    // most query vectors of one attend call
inline constexpr int kBlockTokens = 16;  // tokens in a KV block
inline constexpr int kChunkTokens =
    256;  // tokens whose softmax is reduced together, at absolute multiples

// bf16 panel: for each pair of k: rows 0…15 × (k, k+1), rows 16…31 × (k, k+1).             128 B
// for each pair int8 panel: for each group of 32 k: 8 × (16 rows × 4 k, twice) of w + 128, 32 fp16
// scales. 1088 B for each group int4 panel: for each group of 32 k: 4 × (16 rows × 8 k, twice) of
// nibbles w + 8, 32 fp16 scales.  576 B for each group
//   In a byte of int4, the low nibble belongs to k = 8j + i and the high nibble to k = 8j + 4 + i,
//   i = 0…3.
inline constexpr int kBf16PairBytes = 128;
inline constexpr int kInt8GroupBytes = 1088;
inline constexpr int kInt4GroupBytes = 576;
inline constexpr int kInt8Zero = 128;  // what a stored weight is above the one it stands for
inline constexpr int kInt4Zero = 8;

// Up to kMaxRows activation rows, interleaved so that one pointer and constant offsets reach all of
// them: with a row pointer each, address arithmetic would cost more than the products. Only the
// form that the weight format multiplies with is set.
struct ActivationTile {
  const float* f32;      // [k_padded][rows]             bf16 weights, widened
  const uint16_t* bf16;  // [k_padded / 2][rows][2]      bf16 weights, VDPBF16PS
  const int8_t* q8;      // [k_padded / kGroup][rows][kGroup]  int8 and int4 weights
  const int32_t* scale;  // [k_padded / kGroup][rows]    of q8: e · 2^23 for the scale 2^e, to be
                         // added to the bits of the weights' scales
  const int32_t* minus_sum;  // [k_padded / kGroup][rows]    −zero · Σ q8 of the group
  const float* start;        // [rows]  0, or NaN where q8 cannot hold a value of the row
  int rows;                  // 1 … kMaxRows
  int64_t k_padded;

  // Weights that will be wanted soon: ahead_step bytes of them (a multiple of 64, or 0) are fetched
  // into the second-level cache with each group of k, beside the products. A hint.
  const uint8_t* ahead;
  int64_t ahead_step;
};

// out[r][0…31] = panel · row r of the tile; out is [rows, 32].
using MultiplyFn = void (*)(const uint8_t* panel, const ActivationTile& tile, float* out);

// One chunk (≤ kChunkTokens keys) of attention for up to kMaxQueries query vectors over one KV
// head.
struct AttendArgs {
  const float* queries;  // [num_queries, head_dim], already scaled
  int num_queries;
  int head_dim;                   // a multiple of 16
  const uint16_t* const* blocks;  // KV blocks of the chunk: K as [head_dim / 2][16 tokens][2] then
                                  // V as [16 tokens][head_dim], bf16
  const int* first;  // [num_queries]  keys of the chunk that query q sees: [first[q], last[q]);
                     // none when equal
  const int* last;
  float softcap;  // 0: none; else scores = softcap · tanh(scores / softcap)
  float* max;     // [num_queries]            out: largest score, −inf when it sees nothing
  float* sum;     // [num_queries]            out: Σ exp(score − max)
  float* out;     // [num_queries, head_dim]  out: Σ exp(score − max) · v
};

struct KernelTable {
  const char* name;  // "scalar", "avx2", "avx512", "avx512-bf16"

  MultiplyFn multiply_bf16;  // reads ActivationTile::f32, or ::bf16 when bf16_activations
  bool bf16_activations;
  MultiplyFn multiply_int8;
  MultiplyFn multiply_int4;
  int rows_bf16;  // the tile height each likes best; results do not depend on it
  int rows_int8;
  int rows_int4;

  // out[i] = x[i] · rsqrt(mean(x²) + eps) · (weight[i] + weight_offset). n > 0.
  void (*rms_norm)(const float* x, const float* weight, float weight_offset, float eps, int64_t n,
                   float* out);

  // Writes x [n], padded with zeros to n_padded, as row `row` of a tile of `rows` rows.
  void (*put_f32)(const float* x, int64_t n, int64_t n_padded, int row, int rows, float* tile);
  void (*put_bf16)(const float* x, int64_t n, int64_t n_padded, int row, int rows, uint16_t* tile);
  // zero: of the weights' format. False when a value is above 127 · 2^100, or not a number.
  bool (*put_q8)(const float* x, int64_t n, int64_t n_padded, int row, int rows, int zero,
                 int8_t* tile, int32_t* scale, int32_t* minus_sum);

  // Packing. Of a group of kGroup weights: out [kGroup] its integers (int8: w + 128, int4: w + 8),
  // returned the fp16 scale.
  uint16_t (*quantise_int8)(const float* group, uint8_t* out);
  uint16_t (*quantise_int4)(const float* group, uint8_t* out);
  void (*widen_bf16)(const uint16_t* x, int64_t n, float* out);
  void (*widen_fp16)(const uint16_t* x, int64_t n, float* out);

  void (*attend)(const AttendArgs& args);

  // One block of an int8 KV cache → the bf16 block that attend reads. block: K as [head_dim / 2][16
  // tokens][2] then V as [16 tokens][head_dim]; scales: of the 16 keys, then of the 16 values.
  void (*widen_kv)(const int8_t* block, const float* scales, int head_dim, uint16_t* out);

  // out[i] = silu(gate[i]) · up[i];  gelu_tanh likewise.
  void (*silu_gate)(const float* gate, const float* up, int64_t n, float* out);
  void (*gelu_tanh_gate)(const float* gate, const float* up, int64_t n, float* out);
};

const KernelTable& scalar_kernels();
const KernelTable& avx2_kernels();
const KernelTable& avx512_kernels();       // F, BW, DQ, VL, VNNI
const KernelTable& avx512_bf16_kernels();  // the same with VDPBF16PS

}  // namespace hearth::engine::cpu

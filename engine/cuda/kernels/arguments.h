// What each kernel is given: plain data, device pointers and sizes. Shapes: T tokens of the step,
// C hidden_size, H query heads, Hkv key/value heads, D head_dim, Dp = D padded to whole pieces.
//
// Rows of activations and matrices are `stride` values apart, a multiple of kRowMultiple; what is
// between k and stride is zero, so that products run over whole pieces.
#pragma once

#include <cstdint>

#include "engine/cuda/kernels/numbers.h"

namespace hearth::engine::cuda {

constexpr int kRowMultiple = 32;
constexpr int kBlockTokens = 16;   // tokens in a KV block
constexpr int kChunkTokens = 256;  // keys that attention works on at once, one for each thread
constexpr int kMaxSplits = 32;     // blocks that share one sequence's keys
constexpr int kMaxGemvTokens = 8;  // beyond, matrices are multiplied by Device::matmul
constexpr int kMaxHeadDim = 256;

constexpr int padded_row(int k) { return (k + kRowMultiple - 1) / kRowMultiple * kRowMultiple; }

// A weight matrix [rows, k] on the device.
struct Matrix {
  Numbers numbers = Numbers::fp32;
  const void* data = nullptr;    // [rows, stride]
  const Fp16* scales = nullptr;  // int8: [rows, stride / kInt8Group]
  int rows = 0;
  int k = 0;
  int stride = 0;
};

// RMS norm over rows of C: x · 1/√(mean x² + eps) · (offset + weight).
struct NormArgs {
  const float* input = nullptr;   // [T, C]
  const float* weight = nullptr;  // [C]
  float offset = 0.0F;            // 1: Gemma
  float eps = 0.0F;
  int width = 0;  // C
};

// Where the channels of q, k and v go after rope. The cache of one layer holds of each block and
// key/value head: keys as [Dp / piece][16 tokens][piece], so that 32 threads with a key each read
// whole lines, and values as [16 tokens][Dp].
struct HeadArgs {
  const std::int32_t* positions = nullptr;   // [T]
  const std::int32_t* token_rows = nullptr;  // [T] the token's row in `tables`
  const std::int32_t* tables = nullptr;      // [rows, table_stride] KV blocks
  int table_stride = 0;
  int num_heads = 0;
  int num_kv_heads = 0;
  int head_dim = 0;
  int padded_dim = 0;
  float* queries = nullptr;  // [T, H · D]
  void* keys = nullptr;
  void* values = nullptr;
  const float* rope = nullptr;  // [context, rope_half, 2] cos and sin of each position and pair
  int rope_half = 0;
  bool interleaved = false;  // pairs (2j, 2j + 1) instead of (j, j + rope_half)
};

// What becomes of a product.
enum class Epilogue : std::uint8_t {
  store,  // out = value + bias, capped where softcap > 0
  add,    // out += value + bias
  gate,   // rows i and i + rows/2: gated[i] = act(gate) · up
  heads,  // q, k and v rows: rope, then the queries' buffer and the cache
};

enum class Act : std::uint8_t { silu, gelu_tanh };

// [num_tokens, k] · matrixᵀ for at most kMaxGemvTokens tokens, normed first where norm.weight is
// set. Two rows of the matrix (a pair) are one warp's work, or that of `split` warps.
struct GemvArgs {
  Matrix matrix;
  int num_tokens = 0;
  const void* x = nullptr;  // [num_tokens, matrix.stride] activations, unless there is a norm
  NormArgs norm;
  Epilogue epilogue = Epilogue::store;
  const float* bias = nullptr;  // [rows] or none
  float* out = nullptr;         // store, add: [num_tokens, out_stride]
  int out_stride = 0;
  float softcap = 0.0F;
  void* gated = nullptr;  // gate: [num_tokens, gated_stride] activations
  int gated_stride = 0;
  Act act = Act::silu;
  HeadArgs heads;
  int split = 1;  // 1, 2, 4 or 8
};

// A few queries of one row and key/value head: query i of a row is query head i % group of its
// token i / group.
struct AttentionItem {
  std::int32_t row;
  std::int32_t first_query;
};

struct RowSpan {
  std::int32_t first_token;  // in the step
  std::int32_t num_tokens;
  std::int32_t position;  // of the first token in the sequence
};

struct AttentionArgs {
  Numbers numbers = Numbers::fp32;  // of the cache and of `out`
  HeadArgs heads;
  const AttentionItem* items = nullptr;
  int num_items = 0;
  const RowSpan* rows = nullptr;
  int queries_per_item = 1;  // 1, 2, 4 or 8
  float scale = 1.0F;
  float softcap = 0.0F;
  int window = 0;                   // 0: all
  int num_splits = 1;               // 1, or kMaxSplits or as many as the longest row has chunks
  float* partial = nullptr;         // [num_items, Hkv, num_splits, queries_per_item, Dp + 2]
  std::int32_t* tickets = nullptr;  // [num_items, Hkv], zero before and after
  void* out = nullptr;              // [T, out_stride]
  int out_stride = 0;
};

// ids → residual stream.
struct EmbedArgs {
  Matrix table;
  const std::int32_t* ids = nullptr;  // [num_tokens]
  int num_tokens = 0;
  float scale = 1.0F;
  float* residual = nullptr;  // [num_tokens, C]
};

// Rows of the residual stream, normed: activations where the row is below num_activations, fp32 in
// `wide` where it is not.
struct RmsNormArgs {
  NormArgs norm;
  Numbers numbers = Numbers::fp32;
  const std::int32_t* sources = nullptr;  // row i is norm.input's row sources[i]; null: i
  int num_rows = 0;
  int num_activations = 0;
  void* out = nullptr;  // [num_activations, out_stride]
  int out_stride = 0;
  float* wide = nullptr;    // [num_rows − num_activations, C]
  float* finite = nullptr;  // [num_rows] 1 where every value is a number; or null
};

// residual += norm(delta), Gemma's sandwich.
struct AddNormedArgs {
  NormArgs norm;  // input: delta
  int num_rows = 0;
  float* residual = nullptr;
};

// q, k and v of a step: bias, head norms, rope, queries and cache.
struct RopeArgs {
  Numbers numbers = Numbers::fp32;
  const float* qkv = nullptr;  // [T, (H + 2 Hkv) · D]
  int num_tokens = 0;
  const float* bias = nullptr;
  const float* q_norm = nullptr;  // [D]
  const float* k_norm = nullptr;
  float norm_offset = 0.0F;
  float norm_eps = 0.0F;
  HeadArgs heads;
};

// act(gate) · up of [T, 2 · width] rows: gate first.
struct GateArgs {
  Numbers numbers = Numbers::fp32;
  const float* gate_up = nullptr;
  const float* bias = nullptr;  // [2 · width] or none
  int num_tokens = 0;
  int width = 0;
  Act act = Act::silu;
  void* out = nullptr;  // [T, out_stride]
  int out_stride = 0;
};

// out[row][i] (+)= bias[i], then the cap.
struct FinishArgs {
  float* out = nullptr;  // [num_rows, width]
  int num_rows = 0;
  int width = 0;
  const float* bias = nullptr;
  float softcap = 0.0F;
};

// int8 rows [first_row, first_row + num_rows) → bf16 [num_rows, stride].
struct WidenArgs {
  Matrix matrix;
  int first_row = 0;
  int num_rows = 0;
  void* out = nullptr;
};

// out[num_tokens, out_stride] = (accumulate ? out : 0) + x · matrixᵀ, by a library on the device.
struct MatmulArgs {
  Matrix matrix;            // not int8
  const void* x = nullptr;  // [num_tokens, matrix.stride], in the matrix's numbers
  int num_tokens = 0;
  float* out = nullptr;
  int out_stride = 0;
  bool accumulate = false;
};

}  // namespace hearth::engine::cuda

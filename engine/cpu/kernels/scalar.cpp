// The kernels in plain C++: they run anywhere, and they define the exact order of every sum. The
// vector units equal them bit for bit, except where VDPBF16PS rounds otherwise (avx512_bf16.cpp).
// Written to be read, not to be fast.
#include <stddef.h>
#include <stdint.h>

#include "engine/cpu/kernels/half.h"
#include "engine/cpu/kernels/kernels.h"
#include "engine/cpu/kernels/quantise.h"

namespace hearth::engine::cpu {
namespace {

uint16_t load_u16(const uint8_t* at) {
  uint16_t value;
  __builtin_memcpy(&value, at, sizeof value);
  return value;
}

// Sixteen partial sums ended by the vector units' tree: lanes i and i + 8, then + 4, + 2, + 1.
float sum_lanes(const float* lanes) {
  float eight[8];
  for (int i = 0; i < 8; ++i) eight[i] = lanes[i] + lanes[i + 8];
  float four[4];
  for (int i = 0; i < 4; ++i) four[i] = eight[i] + eight[i + 4];
  return (four[0] + four[2]) + (four[1] + four[3]);
}

void multiply_bf16(const uint8_t* panel, const ActivationTile& tile, float* out) {
  for (int i = 0; i < tile.rows * kPanelRows; ++i) out[i] = 0.0F;
  for (int64_t k = 0; k < tile.k_padded; ++k) {
    const uint8_t* pair = panel + (k / 2) * kBf16PairBytes;
    for (int n = 0; n < kPanelRows; ++n) {
      const float w = from_bf16(load_u16(pair + n * 4 + (k % 2) * 2));
      for (int r = 0; r < tile.rows; ++r) {
        float& acc = out[r * kPanelRows + n];
        acc = __builtin_fmaf(w, tile.f32[k * tile.rows + r], acc);
      }
    }
  }
}

int int8_weight(const uint8_t* group, int n, int k) {
  return group[(k / 4) * 128 + (n / kHalfRows) * 64 + (n % kHalfRows) * 4 + k % 4] - 128;
}

int int4_weight(const uint8_t* group, int n, int k) {
  const int byte = group[(k / 8) * 128 + (n / kHalfRows) * 64 + (n % kHalfRows) * 4 + k % 4];
  return ((k % 8) < 4 ? byte & 0x0F : byte >> 4) - 8;
}

template <int kGroupBytes, int (*kWeight)(const uint8_t*, int, int)>
void multiply_quantised(const uint8_t* panel, const ActivationTile& tile, float* out) {
  for (int i = 0; i < tile.rows * kPanelRows; ++i) out[i] = tile.start[i / kPanelRows];
  for (int64_t g = 0; g < tile.k_padded / kGroup; ++g, panel += kGroupBytes) {
    for (int n = 0; n < kPanelRows; ++n) {
      const uint32_t w_scale = bits_of_float(from_fp16(load_u16(panel + kGroupBytes - 64 + n * 2)));
      for (int r = 0; r < tile.rows; ++r) {
        int32_t exact = 0;
        for (int k = 0; k < kGroup; ++k) {
          exact += kWeight(panel, n, k) * tile.q8[(g * tile.rows + r) * kGroup + k];
        }
        const float scale =
            float_of_bits(w_scale + static_cast<uint32_t>(tile.scale[g * tile.rows + r]));
        float& acc = out[r * kPanelRows + n];
        acc = __builtin_fmaf(static_cast<float>(exact), scale, acc);
      }
    }
  }
}

void rms_norm(const float* x, const float* weight, float weight_offset, float eps, int64_t n,
              float* out) {
  float squares[16] = {};
  for (int64_t i = 0; i < n; ++i) squares[i % 16] = __builtin_fmaf(x[i], x[i], squares[i % 16]);
  const float mean = sum_lanes(squares) / static_cast<float>(n);
  const float scale = 1.0F / __builtin_sqrtf(mean + eps);
  for (int64_t i = 0; i < n; ++i) out[i] = (x[i] * scale) * (weight[i] + weight_offset);
}

void put_f32(const float* x, int64_t n, int64_t n_padded, int row, int rows, float* tile) {
  for (int64_t k = 0; k < n_padded; ++k) tile[k * rows + row] = k < n ? x[k] : 0.0F;
}

void put_bf16(const float* x, int64_t n, int64_t n_padded, int row, int rows, uint16_t* tile) {
  for (int64_t k = 0; k < n_padded; ++k)
    tile[((k / 2) * rows + row) * 2 + k % 2] = k < n ? to_bf16(x[k]) : uint16_t{0};
}

bool put_q8(const float* x, int64_t n, int64_t n_padded, int row, int rows, int zero, int8_t* tile,
            int32_t* scale, int32_t* minus_sum) {
  bool fits = true;
  for (int64_t g = 0; g * kGroup < n_padded; ++g) {
    uint32_t largest = 0;
    for (int64_t k = g * kGroup; k < (g + 1) * kGroup && k < n; ++k) {
      const uint32_t size = bits_of_float(__builtin_fabsf(x[k]));
      if (size > largest) largest = size;
    }
    const int32_t e = activation_exponent(largest);
    const bool group_fits = e <= kLargestActivationExponent;
    fits = fits && group_fits;
    int32_t total = 0;
    for (int64_t k = g * kGroup; k < (g + 1) * kGroup; ++k) {
      const int32_t q =
          k < n && group_fits ? static_cast<int32_t>(__builtin_rintf(x[k] * power_of_two(-e))) : 0;
      tile[(g * rows + row) * kGroup + k % kGroup] = static_cast<int8_t>(q);
      total += q;
    }
    scale[g * rows + row] = group_fits ? e * (1 << 23) : 0;
    minus_sum[g * rows + row] = -zero * total;
  }
  return fits;
}

void widen_fp16(const uint16_t* x, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = from_fp16(x[i]);
}

// As exp_lanes of the vector units, operation for operation.
float exp_of(float x) {
  if (!(x >= -87.3F)) return 0.0F;
  const float n = __builtin_rintf(x * 1.44269504F);
  float r = __builtin_fmaf(n, -0.693145752F, x);
  r = __builtin_fmaf(n, -1.42860677e-6F, r);
  float p = 1.38888889e-3F;
  p = __builtin_fmaf(p, r, 8.33333333e-3F);
  p = __builtin_fmaf(p, r, 4.16666667e-2F);
  p = __builtin_fmaf(p, r, 1.66666667e-1F);
  p = __builtin_fmaf(p, r, 0.5F);
  p = __builtin_fmaf(p, r, 1.0F);
  p = __builtin_fmaf(p, r, 1.0F);
  return p * float_of_bits(static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23);
}

float tanh_of(float x) {
  const float e = exp_of(__builtin_fabsf(x) * -2.0F);
  return __builtin_copysignf((1.0F - e) / (1.0F + e), x);
}

void silu_gate(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float minus = 0.0F - gate[i];
    out[i] = gate[i] / (1.0F + exp_of(minus < 88.0F ? minus : 88.0F)) * up[i];
  }
}

void gelu_tanh_gate(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float x = gate[i];
    const float inner = __builtin_fmaf(x * x * x, 0.044715F, x) * 0.797884561F;
    out[i] = x * 0.5F * (1.0F + tanh_of(inner)) * up[i];
  }
}

// One query against the keys [first, last) of a chunk. Keys are taken in blocks of 16 lanes, as the
// vector units do.
void attend_one(const AttendArgs& args, int q) {
  const int dim = args.head_dim;
  const float* query = args.queries + q * dim;
  const int first = args.first[q];
  const int last = args.last[q];
  float p[kChunkTokens];
  float largest = -__builtin_inff();
  for (int t = first; t < last; ++t) {
    const uint16_t* keys = args.blocks[t / kBlockTokens];
    float score = 0.0F;
    for (int d = 0; d < dim; ++d) {
      score = __builtin_fmaf(
          from_bf16(keys[(d / 2) * 2 * kBlockTokens + (t % kBlockTokens) * 2 + d % 2]), query[d],
          score);
    }
    if (args.softcap > 0.0F) score = args.softcap * tanh_of(score / args.softcap);
    p[t] = score;
    if (score > largest) largest = score;
  }
  float lanes[16] = {};
  for (int t = first; t < last; ++t) {
    p[t] = exp_of(p[t] - largest);
    lanes[t % 16] += p[t];
  }
  args.max[q] = largest;
  args.sum[q] = sum_lanes(lanes);
  for (int d = 0; d < dim; ++d) {
    float acc = 0.0F;
    for (int t = first; t < last; ++t) {
      acc = __builtin_fmaf(
          from_bf16(args.blocks[t / kBlockTokens][(kBlockTokens + t % kBlockTokens) * dim + d]),
          p[t], acc);
    }
    args.out[q * dim + d] = acc;
  }
}

void attend(const AttendArgs& args) {
  for (int q = 0; q < args.num_queries; ++q) attend_one(args, q);
}

}  // namespace

const KernelTable& scalar_kernels() {
  static constexpr KernelTable kTable = {
      "scalar",
      multiply_bf16,
      false,
      multiply_quantised<kInt8GroupBytes, int8_weight>,
      multiply_quantised<kInt4GroupBytes, int4_weight>,
      4,
      4,
      4,
      rms_norm,
      put_f32,
      put_bf16,
      put_q8,
      quantise_int8,
      quantise_int4,
      widen_bf16,
      widen_fp16,
      attend,
      widen_kv,
      silu_gate,
      gelu_tanh_gate,
  };
  return kTable;
}

}  // namespace hearth::engine::cpu

// The kernels for AVX2 with FMA and F16C. Without VNNI, int8 products go through 16-bit pairs
// (vpmaddwd), which cannot saturate: a vpmaddubs path would need 7-bit activations.
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/cpu/kernels/half.h"
#include "engine/cpu/kernels/kernels.h"
#include "engine/cpu/kernels/quantise.h"

namespace hearth::engine::cpu {
namespace {

constexpr int kBf16Rows = 3;  // 4 accumulators for each row, 16 registers
constexpr int kInt8Rows = 2;
constexpr int kParts = 4;  // vectors of 8 rows in a panel

inline __m256 even_k(__m256i pair) { return _mm256_castsi256_ps(_mm256_slli_epi32(pair, 16)); }
inline __m256 odd_k(__m256i pair) {
  return _mm256_castsi256_ps(
      _mm256_and_si256(pair, _mm256_set1_epi32(static_cast<int>(0xFFFF0000U))));
}
inline __m256i load_bytes(const uint8_t* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}

// Rows [first, first + kRows) of the tile.
template <int kRows>
void multiply_bf16_rows(const uint8_t* panel, const ActivationTile& tile, int first, float* out) {
  const float* a = tile.f32 + first;
  __m256 acc[kRows][kParts];
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kParts; ++i) acc[r][i] = _mm256_setzero_ps();
  }
  for (int64_t k = 0; k < tile.k_padded; k += 2, panel += kBf16PairBytes, a += 2 * tile.rows) {
#pragma GCC unroll 4
    for (int i = 0; i < kParts; ++i) {
      const __m256i w = load_bytes(panel + i * 32);
#pragma GCC unroll 3
      for (int r = 0; r < kRows; ++r) {
        acc[r][i] = _mm256_fmadd_ps(even_k(w), _mm256_broadcast_ss(a + r), acc[r][i]);
        acc[r][i] = _mm256_fmadd_ps(odd_k(w), _mm256_broadcast_ss(a + tile.rows + r), acc[r][i]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kParts; ++i)
      _mm256_storeu_ps(out + (first + r) * kPanelRows + i * 8, acc[r][i]);
  }
}

struct Int8Format {
  static constexpr int kGroupBytes = kInt8GroupBytes;
  static __m256i load(const uint8_t* group, int step, int part) {
    return load_bytes(group + step * 128 + part * 32);
  }
};

struct Int4Format {
  static constexpr int kGroupBytes = kInt4GroupBytes;
  static __m256i load(const uint8_t* group, int step, int part) {
    const __m256i bytes = load_bytes(group + (step >> 1) * 128 + part * 32);
    return _mm256_and_si256((step & 1) == 0 ? bytes : _mm256_srli_epi16(bytes, 4),
                            _mm256_set1_epi8(0x0F));
  }
};

template <class Format, int kRows>
void multiply_quantised_rows(const uint8_t* panel, const ActivationTile& tile, int first,
                             float* out) {
  __m256 acc[kRows][kParts];
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kParts; ++i) acc[r][i] = _mm256_set1_ps(tile.start[first + r]);
  }
  for (int64_t g = 0; g < tile.k_padded / kGroup; ++g, panel += Format::kGroupBytes) {
    const int8_t* a = tile.q8 + (g * tile.rows + first) * kGroup;
    const int32_t* scale = tile.scale + g * tile.rows + first;
    const int32_t* minus_sum = tile.minus_sum + g * tile.rows + first;
    for (int i = 0; i < kParts; ++i) {
      __m256i exact[kRows];
      for (int r = 0; r < kRows; ++r) exact[r] = _mm256_set1_epi32(minus_sum[r]);
      for (int step = 0; step < 8; ++step) {
        const __m256i w = Format::load(panel, step, i);
        const __m256i w_even = _mm256_and_si256(w, _mm256_set1_epi16(0x00FF));
        const __m256i w_odd = _mm256_srli_epi16(w, 8);
        for (int r = 0; r < kRows; ++r) {
          int32_t word;
          __builtin_memcpy(&word, a + r * kGroup + step * 4, sizeof word);
          const __m256i x = _mm256_set1_epi32(word);
          const __m256i x_even = _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8);
          const __m256i x_odd = _mm256_srai_epi16(x, 8);
          exact[r] = _mm256_add_epi32(exact[r], _mm256_madd_epi16(w_even, x_even));
          exact[r] = _mm256_add_epi32(exact[r], _mm256_madd_epi16(w_odd, x_odd));
        }
      }
      const uint8_t* scales = panel + Format::kGroupBytes - 64 + i * 16;
      const __m256i w_scale = _mm256_castps_si256(
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales))));
      for (int r = 0; r < kRows; ++r) {
        const __m256i both = _mm256_add_epi32(w_scale, _mm256_set1_epi32(scale[r]));
        acc[r][i] =
            _mm256_fmadd_ps(_mm256_cvtepi32_ps(exact[r]), _mm256_castsi256_ps(both), acc[r][i]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kParts; ++i)
      _mm256_storeu_ps(out + (first + r) * kPanelRows + i * 8, acc[r][i]);
  }
}

void multiply_bf16(const uint8_t* panel, const ActivationTile& tile, float* out) {
  int r = 0;
  for (; r + kBf16Rows <= tile.rows; r += kBf16Rows)
    multiply_bf16_rows<kBf16Rows>(panel, tile, r, out);
  for (; r < tile.rows; ++r) multiply_bf16_rows<1>(panel, tile, r, out);
}

template <class Format>
void multiply_quantised(const uint8_t* panel, const ActivationTile& tile, float* out) {
  int r = 0;
  for (; r + kInt8Rows <= tile.rows; r += kInt8Rows)
    multiply_quantised_rows<Format, kInt8Rows>(panel, tile, r, out);
  for (; r < tile.rows; ++r) multiply_quantised_rows<Format, 1>(panel, tile, r, out);
}

// Sixteen partial sums as (0…7, 8…15), ended by the tree of the wider units.
inline float sum_lanes(__m256 low, __m256 high) {
  const __m256 eight = _mm256_add_ps(low, high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

inline __m256 load_upto(const float* x, int64_t n) {
  if (n >= 8) return _mm256_loadu_ps(x);
  alignas(32) float padded[8] = {};
  for (int64_t i = 0; i < n; ++i) padded[i] = x[i];
  return _mm256_load_ps(padded);
}

inline void store_upto(float* out, __m256 value, int64_t n) {
  if (n >= 8) return _mm256_storeu_ps(out, value);
  alignas(32) float padded[8];
  _mm256_store_ps(padded, value);
  for (int64_t i = 0; i < n; ++i) out[i] = padded[i];
}

void rms_norm(const float* x, const float* weight, float weight_offset, float eps, int64_t n,
              float* out) {
  __m256 squares[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  for (int64_t i = 0; i < n; i += 8) {
    const __m256 v = load_upto(x + i, n - i);
    squares[(i / 8) % 2] = _mm256_fmadd_ps(v, v, squares[(i / 8) % 2]);
  }
  const float mean = sum_lanes(squares[0], squares[1]) / static_cast<float>(n);
  const __m256 scale = _mm256_set1_ps(1.0F / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean + eps))));
  for (int64_t i = 0; i < n; i += 8) {
    const __m256 w = _mm256_add_ps(load_upto(weight + i, n - i), _mm256_set1_ps(weight_offset));
    store_upto(out + i, _mm256_mul_ps(_mm256_mul_ps(load_upto(x + i, n - i), scale), w), n - i);
  }
}

void widen_fp16(const uint16_t* x, int64_t n, float* out) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i));
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(half));
  }
  for (; i < n; ++i) out[i] = from_fp16(x[i]);
}

void put_f32(const float* x, int64_t n, int64_t n_padded, int row, int rows, float* tile) {
  for (int64_t k = 0; k < n_padded; ++k) tile[k * rows + row] = k < n ? x[k] : 0.0F;
}

void put_bf16(const float* x, int64_t n, int64_t n_padded, int row, int rows, uint16_t* tile) {
  for (int64_t k = 0; k < n_padded; ++k)
    tile[((k / 2) * rows + row) * 2 + k % 2] = k < n ? to_bf16(x[k]) : uint16_t{0};
}

inline float largest_lane(__m256 x) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

inline int32_t largest_lane(__m256i x) {
  const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i two = _mm_max_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 1)));
}

bool put_q8(const float* x, int64_t n, int64_t n_padded, int row, int rows, int zero, int8_t* tile,
            int32_t* scale, int32_t* minus_sum) {
  const __m256i magnitude = _mm256_set1_epi32(0x7FFFFFFF);
  bool fits = true;
  for (int64_t g = 0; g * kGroup < n_padded; ++g) {
    __m256 v[4];
    __m256i largest = _mm256_setzero_si256();
    for (int i = 0; i < 4; ++i) {
      const int64_t k = g * kGroup + i * 8;
      v[i] = k < n ? load_upto(x + k, n - k) : _mm256_setzero_ps();
      largest = _mm256_max_epi32(largest, _mm256_and_si256(_mm256_castps_si256(v[i]), magnitude));
    }
    const int32_t e = activation_exponent(static_cast<uint32_t>(largest_lane(largest)));
    const bool group_fits = e <= kLargestActivationExponent;
    fits = fits && group_fits;
    const __m256 inverse = _mm256_set1_ps(group_fits ? power_of_two(-e) : 0.0F);
    int32_t total = 0;
    for (int i = 0; i < 4; ++i) {
      alignas(32) int32_t q[8];
      const __m256 scaled = group_fits ? _mm256_mul_ps(v[i], inverse) : _mm256_setzero_ps();
      _mm256_store_si256(reinterpret_cast<__m256i*>(q), _mm256_cvtps_epi32(scaled));
      for (int j = 0; j < 8; ++j) {
        tile[(g * rows + row) * kGroup + i * 8 + j] = static_cast<int8_t>(q[j]);
        total += q[j];
      }
    }
    scale[g * rows + row] = group_fits ? e * (1 << 23) : 0;
    minus_sum[g * rows + row] = -zero * total;
  }
  return fits;
}

// The polynomial of the AVX-512 unit, operation for operation.
inline __m256 exp_lanes(__m256 x) {
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504F)),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-0.693145752F), x);
  r = _mm256_fmadd_ps(n, _mm256_set1_ps(-1.42860677e-6F), r);
  __m256 p = _mm256_set1_ps(1.38888889e-3F);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.33333333e-3F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.16666667e-2F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.66666667e-1F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
  const __m256i exponent =
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  const __m256 keep = _mm256_cmp_ps(x, _mm256_set1_ps(-87.3F), _CMP_GE_OQ);
  return _mm256_and_ps(keep, _mm256_mul_ps(p, _mm256_castsi256_ps(exponent)));
}

inline __m256 tanh_lanes(__m256 x) {
  const __m256 sign = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0x80000000U)));
  const __m256 e = exp_lanes(_mm256_mul_ps(_mm256_andnot_ps(sign, x), _mm256_set1_ps(-2.0F)));
  const __m256 one = _mm256_set1_ps(1.0F);
  return _mm256_or_ps(_mm256_div_ps(_mm256_sub_ps(one, e), _mm256_add_ps(one, e)),
                      _mm256_and_ps(x, sign));
}

void silu_gate(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += 8) {
    const __m256 x = load_upto(gate + i, n - i);
    const __m256 e =
        exp_lanes(_mm256_min_ps(_mm256_sub_ps(_mm256_setzero_ps(), x), _mm256_set1_ps(88.0F)));
    const __m256 silu = _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0F), e));
    store_upto(out + i, _mm256_mul_ps(silu, load_upto(up + i, n - i)), n - i);
  }
}

void gelu_tanh_gate(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += 8) {
    const __m256 x = load_upto(gate + i, n - i);
    const __m256 cube = _mm256_mul_ps(_mm256_mul_ps(x, x), x);
    const __m256 inner = _mm256_mul_ps(_mm256_fmadd_ps(cube, _mm256_set1_ps(0.044715F), x),
                                       _mm256_set1_ps(0.797884561F));
    const __m256 gelu = _mm256_mul_ps(_mm256_mul_ps(x, _mm256_set1_ps(0.5F)),
                                      _mm256_add_ps(_mm256_set1_ps(1.0F), tanh_lanes(inner)));
    store_upto(out + i, _mm256_mul_ps(gelu, load_upto(up + i, n - i)), n - i);
  }
}

inline __m256 widen_8(const uint16_t* values) {
  const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

void attend_one(const AttendArgs& args, int q) {
  alignas(32) float p[kChunkTokens];
  const int dim = args.head_dim;
  const float* query = args.queries + q * dim;
  const int first = args.first[q];
  const int last = args.last[q];
  const int begin = first / 8;
  const int end = (last + 7) / 8;
  const __m256 minus_infinity = _mm256_set1_ps(-__builtin_inff());
  const __m256i lane = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
  __m256 largest = minus_infinity;
  for (int b = begin; b < end; ++b) {
    const uint16_t* keys = args.blocks[b / 2] + (b % 2) * 16;
    __m256 score = _mm256_setzero_ps();
    for (int d = 0; d < dim; d += 2, keys += 2 * kBlockTokens) {
      const __m256i pair = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(keys));
      score = _mm256_fmadd_ps(even_k(pair), _mm256_set1_ps(query[d]), score);
      score = _mm256_fmadd_ps(odd_k(pair), _mm256_set1_ps(query[d + 1]), score);
    }
    if (args.softcap > 0.0F) {
      const __m256 cap = _mm256_set1_ps(args.softcap);
      score = _mm256_mul_ps(cap, tanh_lanes(_mm256_div_ps(score, cap)));
    }
    const __m256i key = _mm256_add_epi32(lane, _mm256_set1_epi32(b * 8));
    const __m256i seen = _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(first), key),
                                             _mm256_cmpgt_epi32(_mm256_set1_epi32(last), key));
    score = _mm256_blendv_ps(minus_infinity, score, _mm256_castsi256_ps(seen));
    largest = _mm256_max_ps(largest, score);
    _mm256_store_ps(p + b * 8, score);
  }
  const float m = largest_lane(largest);
  const __m256 base = _mm256_set1_ps(first < last ? m : 0.0F);
  __m256 total[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  for (int b = begin; b < end; ++b) {
    const __m256 e = exp_lanes(_mm256_sub_ps(_mm256_load_ps(p + b * 8), base));
    total[b % 2] = _mm256_add_ps(total[b % 2], e);
    _mm256_store_ps(p + b * 8, e);
  }
  args.max[q] = m;
  args.sum[q] = sum_lanes(total[0], total[1]);
  for (int d = 0; d < dim; d += 8) {
    __m256 acc = _mm256_setzero_ps();
    for (int t = first; t < last; ++t) {
      const uint16_t* values =
          args.blocks[t / kBlockTokens] + (kBlockTokens + t % kBlockTokens) * dim + d;
      acc = _mm256_fmadd_ps(widen_8(values), _mm256_set1_ps(p[t]), acc);
    }
    _mm256_storeu_ps(args.out + q * dim + d, acc);
  }
}

void attend(const AttendArgs& args) {
  for (int q = 0; q < args.num_queries; ++q) attend_one(args, q);
}

}  // namespace

const KernelTable& avx2_kernels() {
  static constexpr KernelTable kTable = {
      "avx2",
      multiply_bf16,
      false,
      multiply_quantised<Int8Format>,
      multiply_quantised<Int4Format>,
      kBf16Rows * 2,
      kInt8Rows * 2,
      kInt8Rows * 2,
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

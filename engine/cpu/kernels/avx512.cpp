// The kernels for AVX-512 with VNNI (F, BW, DQ, VL). bf16 weights are widened to fp32, which is the
// faster way wherever VDPBF16PS is microcoded (Emerald Rapids: performance §1.3).
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/cpu/kernels/attend_avx512.h"
#include "engine/cpu/kernels/half.h"
#include "engine/cpu/kernels/kernels.h"
#include "engine/cpu/kernels/quantise.h"

namespace hearth::engine::cpu {
namespace {

constexpr int kBf16Rows = 12;
constexpr int kInt8Rows = 6;

// One pair of k of one half panel: even k in the low 16 bits of each lane, odd k in the high ones.
inline __m512 even_k(__m512i pair) { return _mm512_castsi512_ps(_mm512_slli_epi32(pair, 16)); }
inline __m512 odd_k(__m512i pair) {
  return _mm512_castsi512_ps(
      _mm512_and_si512(pair, _mm512_set1_epi32(static_cast<int>(0xFFFF0000U))));
}

template <int kRows>
void multiply_bf16_rows(const uint8_t* panel, const ActivationTile& tile, float* out) {
  const float* a = tile.f32;
  __m512 low[kRows];
  __m512 high[kRows];
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) low[r] = high[r] = _mm512_setzero_ps();
  for (int64_t k = 0; k < tile.k_padded; k += 2, panel += kBf16PairBytes, a += 2 * kRows) {
    const __m512i w0 = _mm512_loadu_si512(panel);
    const __m512i w1 = _mm512_loadu_si512(panel + 64);
    const __m512 w0_even = even_k(w0);
    const __m512 w1_even = even_k(w1);
    const __m512 w0_odd = odd_k(w0);
    const __m512 w1_odd = odd_k(w1);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const __m512 a_even = _mm512_set1_ps(a[r]);
      low[r] = _mm512_fmadd_ps(w0_even, a_even, low[r]);
      high[r] = _mm512_fmadd_ps(w1_even, a_even, high[r]);
    }
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const __m512 a_odd = _mm512_set1_ps(a[kRows + r]);
      low[r] = _mm512_fmadd_ps(w0_odd, a_odd, low[r]);
      high[r] = _mm512_fmadd_ps(w1_odd, a_odd, high[r]);
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(out + r * kPanelRows, low[r]);
    _mm512_storeu_ps(out + r * kPanelRows + kHalfRows, high[r]);
  }
}

// A few lines of the next panel: the memory works while the cores multiply.
inline void fetch_ahead(const uint8_t* ahead, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64)
    _mm_prefetch(reinterpret_cast<const char*>(ahead + i), _MM_HINT_T0);
}

// 16 fp16 scales → the bits of fp32.
inline __m512i load_scales(const uint8_t* at) {
  return _mm512_castps_si512(
      _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at))));
}

inline __m512i broadcast_4_bytes(const int8_t* at) {
  int32_t word;
  __builtin_memcpy(&word, at, sizeof word);
  return _mm512_set1_epi32(word);
}

// Unpacked weights of one group step: 16 rows × 4 k of u8 for each half panel.
struct Int8Format {
  static constexpr int kGroupBytes = kInt8GroupBytes;
  static constexpr int kSteps = 8;
  static __m512i load(const uint8_t* group, int step, int half) {
    return _mm512_loadu_si512(group + step * 128 + half * 64);
  }
};

struct Int4Format {
  static constexpr int kGroupBytes = kInt4GroupBytes;
  static constexpr int kSteps = 8;
  static __m512i load(const uint8_t* group, int step, int half) {
    const __m512i bytes = _mm512_loadu_si512(group + (step >> 1) * 128 + half * 64);
    const __m512i nibbles = (step & 1) == 0 ? bytes : _mm512_srli_epi16(bytes, 4);
    return _mm512_and_si512(nibbles, _mm512_set1_epi8(0x0F));
  }
};

// Σ (w + zero)·a − zero·Σa is exact in int32; then acc = fma(float(Σ), w_scale · 2^e, acc), one
// group after the other. The product of the scales is an integer addition, so that a group costs
// the two pipes of the multipliers nine operations: 89 % of them are its eight products.
template <class Format, int kRows>
void multiply_quantised_rows(const uint8_t* panel, const ActivationTile& tile, float* out) {
  const int64_t num_groups = tile.k_padded / kGroup;
  const int8_t* a = tile.q8;
  const int32_t* scale = tile.scale;
  const int32_t* minus_sum = tile.minus_sum;
  __m512 low[kRows];
  __m512 high[kRows];
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) low[r] = high[r] = _mm512_set1_ps(tile.start[r]);
  const uint8_t* ahead = tile.ahead;
  for (int64_t g = 0; g < num_groups; ++g, ahead += tile.ahead_step) {
    fetch_ahead(ahead, tile.ahead_step);
    __m512i low_sum[kRows];
    __m512i high_sum[kRows];
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) low_sum[r] = high_sum[r] = _mm512_set1_epi32(minus_sum[r]);
#pragma GCC unroll 8
    for (int step = 0; step < Format::kSteps; ++step) {
      const __m512i w0 = Format::load(panel, step, 0);
      const __m512i w1 = Format::load(panel, step, 1);
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        const __m512i x = broadcast_4_bytes(a + r * kGroup + step * 4);
        low_sum[r] = _mm512_dpbusd_epi32(low_sum[r], w0, x);
        high_sum[r] = _mm512_dpbusd_epi32(high_sum[r], w1, x);
      }
    }
    const uint8_t* scales = panel + Format::kGroupBytes - 64;
    const __m512i w0_scale = load_scales(scales);
    const __m512i w1_scale = load_scales(scales + 32);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const __m512i a_scale = _mm512_set1_epi32(scale[r]);
      const __m512 s0 = _mm512_castsi512_ps(_mm512_add_epi32(w0_scale, a_scale));
      const __m512 s1 = _mm512_castsi512_ps(_mm512_add_epi32(w1_scale, a_scale));
      low[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(low_sum[r]), s0, low[r]);
      high[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(high_sum[r]), s1, high[r]);
    }
    panel += Format::kGroupBytes;
    a += kGroup * kRows;
    scale += kRows;
    minus_sum += kRows;
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(out + r * kPanelRows, low[r]);
    _mm512_storeu_ps(out + r * kPanelRows + kHalfRows, high[r]);
  }
}

template <template <int> class Kernel>
void by_row_count(const uint8_t* panel, const ActivationTile& tile, float* out) {
  switch (tile.rows) {
    case 1:
      return Kernel<1>::run(panel, tile, out);
    case 2:
      return Kernel<2>::run(panel, tile, out);
    case 3:
      return Kernel<3>::run(panel, tile, out);
    case 4:
      return Kernel<4>::run(panel, tile, out);
    case 5:
      return Kernel<5>::run(panel, tile, out);
    case 6:
      return Kernel<6>::run(panel, tile, out);
    case 7:
      return Kernel<7>::run(panel, tile, out);
    case 8:
      return Kernel<8>::run(panel, tile, out);
    case 9:
      return Kernel<9>::run(panel, tile, out);
    case 10:
      return Kernel<10>::run(panel, tile, out);
    case 11:
      return Kernel<11>::run(panel, tile, out);
    case 12:
      return Kernel<12>::run(panel, tile, out);
    default:
      return;
  }
}

template <int kRows>
struct Bf16Kernel {
  static void run(const uint8_t* p, const ActivationTile& t, float* o) {
    multiply_bf16_rows<kRows>(p, t, o);
  }
};
template <int kRows>
struct Int8Kernel {
  static void run(const uint8_t* p, const ActivationTile& t, float* o) {
    multiply_quantised_rows<Int8Format, kRows>(p, t, o);
  }
};
template <int kRows>
struct Int4Kernel {
  static void run(const uint8_t* p, const ActivationTile& t, float* o) {
    multiply_quantised_rows<Int4Format, kRows>(p, t, o);
  }
};

inline __mmask16 tail_mask(int64_t remaining) {
  return remaining >= 16 ? static_cast<__mmask16>(0xFFFF)
                         : static_cast<__mmask16>((1U << remaining) - 1U);
}

// Whole vectors go without a mask: a load cannot take its value straight from a masked store.
inline __m512 load_upto(const float* x, int64_t n) {
  if (n >= 16) return _mm512_loadu_ps(x);
  return n > 0 ? _mm512_maskz_loadu_ps(tail_mask(n), x) : _mm512_setzero_ps();
}

inline void store_upto(float* out, __m512 value, int64_t n) {
  if (n >= 16) return _mm512_storeu_ps(out, value);
  _mm512_mask_storeu_ps(out, tail_mask(n), value);
}

void rms_norm(const float* x, const float* weight, float weight_offset, float eps, int64_t n,
              float* out) {
  __m512 squares = _mm512_setzero_ps();
  for (int64_t i = 0; i < n; i += 16) {
    const __m512 v = load_upto(x + i, n - i);
    squares = _mm512_fmadd_ps(v, v, squares);
  }
  const float mean = sum_lanes(squares) / static_cast<float>(n);
  const __m128 root = _mm_sqrt_ss(_mm_set_ss(mean + eps));
  const __m512 scale = _mm512_set1_ps(1.0F / _mm_cvtss_f32(root));
  const __m512 offset = _mm512_set1_ps(weight_offset);
  for (int64_t i = 0; i < n; i += 16) {
    const __m512 normal = _mm512_mul_ps(load_upto(x + i, n - i), scale);
    const __m512 w = _mm512_add_ps(load_upto(weight + i, n - i), offset);
    store_upto(out + i, _mm512_mul_ps(normal, w), n - i);
  }
}

// fp32 → bf16, round to nearest even; NaN stays NaN.
inline __m256i round_to_bf16(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i lsb = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(lsb, _mm512_set1_epi32(0x7FFF)));
  const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  const __m512i safe = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x00400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(safe, 16));
}

void widen_fp16(const uint16_t* x, int64_t n, float* out) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    _mm512_storeu_ps(out + i, _mm512_cvtph_ps(half));
  }
  for (; i < n; ++i) out[i] = from_fp16(x[i]);
}

void put_f32(const float* x, int64_t n, int64_t n_padded, int row, int rows, float* tile) {
  for (int64_t k = 0; k < n; ++k) tile[k * rows + row] = x[k];
  for (int64_t k = n; k < n_padded; ++k) tile[k * rows + row] = 0.0F;
}

void put_bf16(const float* x, int64_t n, int64_t n_padded, int row, int rows, uint16_t* tile) {
  alignas(64) uint32_t pairs[8];
  for (int64_t k = 0; k < n_padded; k += 16) {
    const __m512 v = load_upto(x + k, n - k);
    _mm256_store_si256(reinterpret_cast<__m256i*>(pairs), round_to_bf16(v));
    for (int i = 0; i < 8; ++i)
      __builtin_memcpy(tile + ((k / 2 + i) * rows + row) * 2, pairs + i, 4);
  }
}

// q = round(x / 2^e) to nearest even, e of activation_exponent, for each group of 32.
bool put_q8(const float* x, int64_t n, int64_t n_padded, int row, int rows, int zero, int8_t* tile,
            int32_t* scale, int32_t* minus_sum) {
  bool fits = true;
  for (int64_t g = 0; g * kGroup < n_padded; ++g) {
    const int64_t k = g * kGroup;
    const __m512 a = load_upto(x + k, n - k);
    const __m512 b = load_upto(x + k + 16, n - k - 16);
    const __m512i size = _mm512_max_epi32(_mm512_castps_si512(_mm512_abs_ps(a)),
                                          _mm512_castps_si512(_mm512_abs_ps(b)));
    const int32_t e = activation_exponent(static_cast<uint32_t>(_mm512_reduce_max_epi32(size)));
    const bool group_fits = e <= kLargestActivationExponent;
    fits = fits && group_fits;
    const __mmask16 kept = group_fits ? 0xFFFF : 0;
    const __m512 inverse = _mm512_set1_ps(group_fits ? power_of_two(-e) : 0.0F);
    const __m512i qa = _mm512_cvtps_epi32(_mm512_maskz_mul_ps(kept, a, inverse));
    const __m512i qb = _mm512_cvtps_epi32(_mm512_maskz_mul_ps(kept, b, inverse));
    auto* group = reinterpret_cast<__m128i*>(tile + (g * rows + row) * kGroup);
    _mm_storeu_si128(group, _mm512_cvtepi32_epi8(qa));
    _mm_storeu_si128(group + 1, _mm512_cvtepi32_epi8(qb));
    scale[g * rows + row] = group_fits ? e * (1 << 23) : 0;
    minus_sum[g * rows + row] = -zero * _mm512_reduce_add_epi32(_mm512_add_epi32(qa, qb));
  }
  return fits;
}

void silu_gate(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += 16) {
    const __m512 x = load_upto(gate + i, n - i);
    const __m512 e =
        exp_lanes(_mm512_min_ps(_mm512_sub_ps(_mm512_setzero_ps(), x), _mm512_set1_ps(88.0F)));
    const __m512 silu = _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1.0F), e));
    store_upto(out + i, _mm512_mul_ps(silu, load_upto(up + i, n - i)), n - i);
  }
}

void gelu_tanh_gate(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += 16) {
    const __m512 x = load_upto(gate + i, n - i);
    const __m512 cube = _mm512_mul_ps(_mm512_mul_ps(x, x), x);
    const __m512 inner = _mm512_mul_ps(_mm512_fmadd_ps(cube, _mm512_set1_ps(0.044715F), x),
                                       _mm512_set1_ps(0.797884561F));
    const __m512 gelu = _mm512_mul_ps(_mm512_mul_ps(x, _mm512_set1_ps(0.5F)),
                                      _mm512_add_ps(_mm512_set1_ps(1.0F), tanh_lanes(inner)));
    store_upto(out + i, _mm512_mul_ps(gelu, load_upto(up + i, n - i)), n - i);
  }
}

// The products of attention in fp32: keys and values are widened.
struct WidenedAttention {
  // Scores of one block's 16 keys for kQ queries: lane t is key t, so nothing is summed across
  // lanes.
  template <int kQ>
  class Scores {
   public:
    explicit Scores(const AttendArgs& args) : queries_(args.queries), dim_(args.head_dim) {}

    template <int kBlocks>
    void of_blocks(const uint16_t* const* keys, __m512 (*scores)[kQ]) const {
      for (int b = 0; b < kBlocks; ++b) of_block(keys[b], scores[b]);
    }

   private:
    void of_block(const uint16_t* keys, __m512* scores) const {
#pragma GCC unroll 8
      for (int q = 0; q < kQ; ++q) scores[q] = _mm512_setzero_ps();
      for (int d = 0; d < dim_; d += 2, keys += 2 * kBlockTokens) {
        const __m512i pair = _mm512_loadu_si512(keys);
        const __m512 even = even_k(pair);
        const __m512 odd = odd_k(pair);
#pragma GCC unroll 8
        for (int q = 0; q < kQ; ++q) {
          const float* query = queries_ + q * dim_ + d;
          scores[q] = _mm512_fmadd_ps(even, _mm512_set1_ps(query[0]), scores[q]);
          scores[q] = _mm512_fmadd_ps(odd, _mm512_set1_ps(query[1]), scores[q]);
        }
      }
    }

    const float* queries_;
    int dim_;
  };

  static __m512 exp_lanes(__m512 x, __m512 top) { return cpu::exp_lanes(_mm512_sub_ps(x, top)); }

  // out[q][d…d+15] += Σ_t p[q][t] · v[t][d…], keys in ascending order.
  template <int kQ>
  static void weigh_values(const AttendArgs& args, const float* p, int begin, int end) {
    const int dim = args.head_dim;
    for (int d = 0; d < dim; d += 16) {
      __m512 acc[kQ];
#pragma GCC unroll 8
      for (int q = 0; q < kQ; ++q) acc[q] = _mm512_setzero_ps();
      for (int t = begin; t < end; ++t) {
        const __m256i values =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values_of(args, t) + d));
        const __m512 v = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16));
#pragma GCC unroll 8
        for (int q = 0; q < kQ; ++q)
          acc[q] = _mm512_fmadd_ps(v, _mm512_set1_ps(p[q * kChunkTokens + t]), acc[q]);
      }
      for (int q = 0; q < kQ; ++q) _mm512_storeu_ps(args.out + q * dim + d, acc[q]);
    }
  }
};

}  // namespace

const KernelTable& avx512_kernels() {
  static constexpr KernelTable kTable = {
      "avx512",
      by_row_count<Bf16Kernel>,
      false,
      by_row_count<Int8Kernel>,
      by_row_count<Int4Kernel>,
      kBf16Rows,
      kInt8Rows,
      kInt8Rows,
      rms_norm,
      put_f32,
      put_bf16,
      put_q8,
      quantise_int8,
      quantise_int4,
      widen_bf16,
      widen_fp16,
      attend_as<WidenedAttention>,
      widen_kv,
      silu_gate,
      gelu_tanh_gate,
  };
  return kTable;
}

}  // namespace hearth::engine::cpu

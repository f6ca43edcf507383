// The AVX-512 kernels where VDPBF16PS runs at full rate (Zen 4 and 5): bf16 weights times
// activations rounded to bf16, and attention with queries and probabilities rounded to bf16, at
// twice the rate of fp32. VDPBF16PS adds each pair of products to the sum with its own rounding and
// flushes denormals, so this table's results differ in the last bits from the other units',
// whatever the weights' format; which is used is part of the engine's fingerprint (DESIGN §10,
// "Numbers").
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/cpu/kernels/attend_avx512.h"
#include "engine/cpu/kernels/kernels.h"

namespace hearth::engine::cpu {
namespace {

inline __m512bh broadcast_pair(const uint16_t* at) {
  int32_t pair;
  __builtin_memcpy(&pair, at, sizeof pair);
  return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
}

template <int kRows>
void multiply_rows(const uint8_t* panel, const ActivationTile& tile, float* out) {
  const uint16_t* a = tile.bf16;
  __m512 low[kRows];
  __m512 high[kRows];
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) low[r] = high[r] = _mm512_setzero_ps();
  const uint8_t* ahead = tile.ahead;
  for (int64_t k = 0; k < tile.k_padded; k += 2, panel += kBf16PairBytes, a += 2 * kRows) {
    if (k % kGroup == 0) {
      for (int64_t i = 0; i < tile.ahead_step; i += 64)
        _mm_prefetch(reinterpret_cast<const char*>(ahead + i), _MM_HINT_T0);
      ahead += tile.ahead_step;
    }
    const __m512bh w0 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(panel));
    const __m512bh w1 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(panel + 64));
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const __m512bh x = broadcast_pair(a + r * 2);
      low[r] = _mm512_dpbf16_ps(low[r], w0, x);
      high[r] = _mm512_dpbf16_ps(high[r], w1, x);
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(out + r * kPanelRows, low[r]);
    _mm512_storeu_ps(out + r * kPanelRows + kHalfRows, high[r]);
  }
}

void multiply_bf16(const uint8_t* panel, const ActivationTile& tile, float* out) {
  switch (tile.rows) {
    case 1:
      return multiply_rows<1>(panel, tile, out);
    case 2:
      return multiply_rows<2>(panel, tile, out);
    case 3:
      return multiply_rows<3>(panel, tile, out);
    case 4:
      return multiply_rows<4>(panel, tile, out);
    case 5:
      return multiply_rows<5>(panel, tile, out);
    case 6:
      return multiply_rows<6>(panel, tile, out);
    case 7:
      return multiply_rows<7>(panel, tile, out);
    case 8:
      return multiply_rows<8>(panel, tile, out);
    case 9:
      return multiply_rows<9>(panel, tile, out);
    case 10:
      return multiply_rows<10>(panel, tile, out);
    case 11:
      return multiply_rows<11>(panel, tile, out);
    case 12:
      return multiply_rows<12>(panel, tile, out);
    default:
      return;
  }
}

constexpr int kMaxHeadDim = 256;

// The products of attention with queries and probabilities rounded to bf16, two at a time.
struct RoundedAttention {
  template <int kQ>
  class Scores {
   public:
    explicit Scores(const AttendArgs& args) : dim_(args.head_dim) {
      for (int i = 0; i < kQ * dim_; i += 16) {
        const __m512 x = _mm512_loadu_ps(args.queries + i);
        _mm256_store_si256(reinterpret_cast<__m256i*>(queries_ + i),
                           reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
      }
    }

    // Four queries and two blocks at a time: their sums fill the registers, and each query is
    // fetched once for both blocks.
    template <int kBlocks>
    void of_blocks(const uint16_t* const* keys, __m512 (*scores)[kQ]) const {
      of_queries<kBlocks, 0, (kQ < 4 ? kQ : 4)>(keys, scores);
      if constexpr (kQ > 4) of_queries<kBlocks, 4, kQ - 4>(keys, scores);
    }

   private:
    // Two sums for each query, of even and odd pairs, so that one need not wait for the other.
    template <int kBlocks, int kFirst, int kCount>
    void of_queries(const uint16_t* const* keys, __m512 (*scores)[kQ]) const {
      __m512 even[kBlocks][kCount];
      __m512 odd[kBlocks][kCount];
#pragma GCC unroll 2
      for (int b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 4
        for (int q = 0; q < kCount; ++q) even[b][q] = odd[b][q] = _mm512_setzero_ps();
      }
      for (int d = 0; d < dim_; d += 4) {
        const uint16_t* query = queries_ + kFirst * dim_ + d;
        __m512bh k0[kBlocks];
        __m512bh k1[kBlocks];
#pragma GCC unroll 2
        for (int b = 0; b < kBlocks; ++b) {
          const uint16_t* at = keys[b] + d * kBlockTokens;
          k0[b] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(at));
          k1[b] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(at + 2 * kBlockTokens));
        }
#pragma GCC unroll 4
        for (int q = 0; q < kCount; ++q, query += dim_) {
          const __m512bh x0 = broadcast_pair(query);
          const __m512bh x1 = broadcast_pair(query + 2);
#pragma GCC unroll 2
          for (int b = 0; b < kBlocks; ++b) {
            even[b][q] = _mm512_dpbf16_ps(even[b][q], k0[b], x0);
            odd[b][q] = _mm512_dpbf16_ps(odd[b][q], k1[b], x1);
          }
        }
      }
#pragma GCC unroll 2
      for (int b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 4
        for (int q = 0; q < kCount; ++q)
          scores[b][kFirst + q] = _mm512_add_ps(even[b][q], odd[b][q]);
      }
    }

    alignas(64) uint16_t queries_[kQ * kMaxHeadDim];
    int dim_;
  };

  // To 8e-6, as they are rounded to bf16 next: 2^y = 2^⌊y⌋ · p(y − ⌊y⌋), p(0) = 1, so the largest
  // score weighs 1.
  static __m512 exp_lanes(__m512 x, __m512 top) {
    const __m512 y = _mm512_mul_ps(_mm512_sub_ps(x, top), _mm512_set1_ps(1.44269504F));
    const __m512 r = _mm512_reduce_ps(y, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512 p = _mm512_set1_ps(0.0127631139F);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0534410293F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.240647048F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.693133993F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0F));
    return _mm512_scalef_ps(p, y);
  }

  // Tokens t and t + 1 at once, t even: their values are interleaved in the registers, which leaves
  // dims 0…3, 8…11, … in one sum and 4…7, 12…15, … in the other.
  template <int kQ>
  static void weigh_values(const AttendArgs& args, const float* p, int begin, int end) {
    const int dim = args.head_dim;
    alignas(64) uint16_t rounded[kQ * kChunkTokens];
    begin &= ~1;
    for (int q = 0; q < kQ; ++q) {
      for (int t = begin / 16 * 16; t < end; t += 16) {
        const __m512 x = _mm512_load_ps(p + q * kChunkTokens + t);
        _mm256_store_si256(reinterpret_cast<__m256i*>(rounded + q * kChunkTokens + t),
                           reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
      }
    }
    const __m512i first_half =
        _mm512_set_epi32(23, 22, 21, 20, 7, 6, 5, 4, 19, 18, 17, 16, 3, 2, 1, 0);
    const __m512i second_half =
        _mm512_set_epi32(31, 30, 29, 28, 15, 14, 13, 12, 27, 26, 25, 24, 11, 10, 9, 8);
    for (int d = 0; d < dim; d += 32) {
      const __mmask32 inside = dim - d >= 32 ? 0xFFFFFFFFU : 0x0000FFFFU;
      __m512 low[kQ];
      __m512 high[kQ];
#pragma GCC unroll 8
      for (int q = 0; q < kQ; ++q) low[q] = high[q] = _mm512_setzero_ps();
      const auto weigh_pair = [&](const uint16_t* values, __mmask32 second, int t) {
        const __m512i v0 = _mm512_maskz_loadu_epi16(inside, values);
        const __m512i v1 = _mm512_maskz_loadu_epi16(second, values + dim);
        const auto v_low = reinterpret_cast<__m512bh>(_mm512_unpacklo_epi16(v0, v1));
        const auto v_high = reinterpret_cast<__m512bh>(_mm512_unpackhi_epi16(v0, v1));
#pragma GCC unroll 8
        for (int q = 0; q < kQ; ++q) {
          const __m512bh weight = broadcast_pair(rounded + q * kChunkTokens + t);
          low[q] = _mm512_dpbf16_ps(low[q], v_low, weight);
          high[q] = _mm512_dpbf16_ps(high[q], v_high, weight);
        }
      };
      for (int t = begin; t < end;) {
        const uint16_t* values = values_of(args, t) + d;
        const int block_end = (t / kBlockTokens + 1) * kBlockTokens;
        const int stop = (block_end < end ? block_end : end) & ~1;
        for (; t < stop; t += 2, values += 2 * dim) weigh_pair(values, inside, t);
        // A token that nobody sees yet may hold anything, and 0 · NaN is NaN.
        if (t < end && t < block_end) {
          weigh_pair(values, 0, t);
          t += 2;
        }
      }
      for (int q = 0; q < kQ; ++q) {
        float* out = args.out + q * dim + d;
        _mm512_storeu_ps(out, _mm512_permutex2var_ps(low[q], first_half, high[q]));
        if (dim - d >= 32)
          _mm512_storeu_ps(out + 16, _mm512_permutex2var_ps(low[q], second_half, high[q]));
      }
    }
  }
};

void attend(const AttendArgs& args) {
  if (args.head_dim > kMaxHeadDim) return avx512_kernels().attend(args);
  attend_as<RoundedAttention>(args);
}

}  // namespace

const KernelTable& avx512_bf16_kernels() {
  static const KernelTable table = [] {
    KernelTable made = avx512_kernels();
    made.name = "avx512-bf16";
    made.multiply_bf16 = multiply_bf16;
    made.bf16_activations = true;
    made.attend = attend;
    return made;
  }();
  return table;
}

}  // namespace hearth::engine::cpu

// Attention of one chunk for the AVX-512 units: the softmax is the same, the products are each
// unit's own. Internal linkage throughout, as kernels.h demands.
//
// A unit gives a type Products with
//   Scores<kQ>(args).of_blocks<kBlocks>(keys, scores)
//                                              scores[b][q] of kBlocks (1 or 2) blocks' 16 keys,
//                                              one a lane
//   exp_lanes(x, top)                          e^(x − top), x ≤ top; 0 for x = −inf
//   weigh_values<kQ>(args, p, begin, end)      args.out from p [kQ][kChunkTokens]; p is 0 where a
//                                              query does not see the key
#pragma once

#include <immintrin.h>
#include <stdint.h>

#include "engine/cpu/kernels/kernels.h"

namespace hearth::engine::cpu {
namespace {

// The fixed tree that ends every 16-lane sum: lanes i and i + 8, then + 4, + 2, + 1.
inline float sum_lanes(__m512 x) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

// e^x to about 1 ulp for x ≤ 0 (and up to 88): 2^n · p(r), r = x − n·ln 2, degree 6 in Horner's
// form. Below −87.3: 0.
inline __m512 exp_lanes(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504F)),
                                        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-0.693145752F), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(-1.42860677e-6F), r);
  __m512 p = _mm512_set1_ps(1.38888889e-3F);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.33333333e-3F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.16666667e-2F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.66666667e-1F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0F));
  const __m512i exponent =
      _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23);
  const __mmask16 keep = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.3F), _CMP_GE_OQ);
  return _mm512_maskz_mul_ps(keep, p, _mm512_castsi512_ps(exponent));
}

// tanh x = (1 − e) / (1 + e), e = exp(−2|x|), with the sign of x.
inline __m512 tanh_lanes(__m512 x) {
  const __m512 e = exp_lanes(_mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(-2.0F)));
  const __m512 one = _mm512_set1_ps(1.0F);
  const __m512 t = _mm512_div_ps(_mm512_sub_ps(one, e), _mm512_add_ps(one, e));
  return _mm512_castsi512_ps(_mm512_or_si512(
      _mm512_castps_si512(t),
      _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(static_cast<int>(0x80000000U)))));
}

// Values of token t of the chunk, [head_dim].
inline const uint16_t* values_of(const AttendArgs& args, int t) {
  return args.blocks[t / kBlockTokens] + (kBlockTokens + t % kBlockTokens) * args.head_dim;
}

// Scores of the keys of kBlocks blocks from block b on: into p, −inf where a query does not see the
// key, and the largest so far into `largest`.
template <int kBlocks, int kQ, class Scores>
inline void score_blocks(const AttendArgs& args, const Scores& of_keys, int b, __m512* largest,
                         float* p) {
  const __m512 minus_infinity = _mm512_set1_ps(-__builtin_inff());
  const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  __m512 scores[kBlocks][kQ];
  of_keys.template of_blocks<kBlocks>(args.blocks + b, scores);
#pragma GCC unroll 2
  for (int i = 0; i < kBlocks; ++i, ++b) {
    const __m512i key = _mm512_add_epi32(lane, _mm512_set1_epi32(b * kBlockTokens));
#pragma GCC unroll 8
    for (int q = 0; q < kQ; ++q) {
      __m512 score = scores[i][q];
      if (args.softcap > 0.0F) {
        const __m512 cap = _mm512_set1_ps(args.softcap);
        score = _mm512_mul_ps(cap, tanh_lanes(_mm512_div_ps(score, cap)));
      }
      if (args.first[q] > b * kBlockTokens || args.last[q] < (b + 1) * kBlockTokens) {
        const __mmask16 seen = _mm512_cmpge_epi32_mask(key, _mm512_set1_epi32(args.first[q])) &
                               _mm512_cmplt_epi32_mask(key, _mm512_set1_epi32(args.last[q]));
        score = _mm512_mask_mov_ps(minus_infinity, seen, score);
      }
      largest[q] = _mm512_max_ps(largest[q], score);
      _mm512_store_ps(p + q * kChunkTokens + b * kBlockTokens, score);
    }
  }
}

template <class Products, int kQ>
void attend_queries(const AttendArgs& args) {
  alignas(64) float p[kQ * kChunkTokens];
  int begin = kChunkTokens;
  int end = 0;
  for (int q = 0; q < kQ; ++q) {
    if (args.first[q] >= args.last[q]) continue;
    begin = args.first[q] < begin ? args.first[q] : begin;
    end = args.last[q] > end ? args.last[q] : end;
  }
  const int first_block = begin / kBlockTokens;
  const int num_blocks = (end + kBlockTokens - 1) / kBlockTokens;
  const typename Products::template Scores<kQ> of_keys(args);
  __m512 largest[kQ];
  for (int q = 0; q < kQ; ++q) largest[q] = _mm512_set1_ps(-__builtin_inff());
  int b = first_block;
  for (; b + 2 <= num_blocks; b += 2) score_blocks<2, kQ>(args, of_keys, b, largest, p);
  if (b < num_blocks) score_blocks<1, kQ>(args, of_keys, b, largest, p);
  for (int q = 0; q < kQ; ++q) {
    const float m = _mm512_reduce_max_ps(largest[q]);
    args.max[q] = m;
    __m512 total = _mm512_setzero_ps();
    const __m512 base = _mm512_set1_ps(args.first[q] < args.last[q] ? m : 0.0F);
    for (b = first_block; b < num_blocks; ++b) {
      float* at = p + q * kChunkTokens + b * kBlockTokens;
      const __m512 e = Products::exp_lanes(_mm512_load_ps(at), base);
      total = _mm512_add_ps(total, e);
      _mm512_store_ps(at, e);
    }
    args.sum[q] = sum_lanes(total);
  }
  Products::template weigh_values<kQ>(args, p, begin, end);
}

// The `attend` of a kernel table.
template <class Products>
void attend_as(const AttendArgs& args) {
  switch (args.num_queries) {
    case 1:
      return attend_queries<Products, 1>(args);
    case 2:
      return attend_queries<Products, 2>(args);
    case 3:
      return attend_queries<Products, 3>(args);
    case 4:
      return attend_queries<Products, 4>(args);
    case 5:
      return attend_queries<Products, 5>(args);
    case 6:
      return attend_queries<Products, 6>(args);
    case 7:
      return attend_queries<Products, 7>(args);
    case 8:
      return attend_queries<Products, 8>(args);
    default:
      return;
  }
}

}  // namespace
}  // namespace hearth::engine::cpu

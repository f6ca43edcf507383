// Probes for AVX-512 with VNNI.
#include <immintrin.h>
#include <stdint.h>

#include "engine/cpu/kernels/probes.h"

namespace hearth::engine::cpu {
namespace {

constexpr int kChains = 24;
constexpr int kInt8Chains = 12;  // of more, gcc 12 keeps copies on the stack

uint64_t read(const uint8_t* data, int64_t bytes) {
  __m512i sums[8];
  for (int i = 0; i < 8; ++i) sums[i] = _mm512_setzero_si512();
  for (int64_t i = 0; i < bytes; i += 512) {
#pragma GCC unroll 8
    for (int lane = 0; lane < 8; ++lane)
      sums[lane] = _mm512_add_epi64(sums[lane], _mm512_loadu_si512(data + i + lane * 64));
  }
  __m512i total = _mm512_setzero_si512();
  for (int i = 0; i < 8; ++i) total = _mm512_add_epi64(total, sums[i]);
  return static_cast<uint64_t>(_mm512_reduce_add_epi64(total));
}

float fp32(int64_t rounds) {
  __m512 chains[kChains];
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) chains[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 half = _mm512_set1_ps(0.5F);
  const __m512 one = _mm512_set1_ps(1.0F);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) chains[i] = _mm512_fmadd_ps(chains[i], half, one);
  }
  __m512 total = _mm512_setzero_ps();
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) total = _mm512_add_ps(total, chains[i]);
  return _mm512_reduce_add_ps(total);
}

int32_t int8(int64_t rounds) {
  __m512i chains[kInt8Chains];
#pragma GCC unroll 12
  for (int i = 0; i < kInt8Chains; ++i) chains[i] = _mm512_set1_epi32(i);
  __m512i x = _mm512_set1_epi8(3);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kInt8Chains; ++i) chains[i] = _mm512_dpbusd_epi32(chains[i], x, x);
  }
  __m512i total = _mm512_setzero_si512();
#pragma GCC unroll 12
  for (int i = 0; i < kInt8Chains; ++i) total = _mm512_add_epi32(total, chains[i]);
  return _mm512_reduce_add_epi32(total);
}

}  // namespace

const ProbeTable& avx512_probes() {
  static constexpr ProbeTable kTable = {
      "avx512", read, fp32, kChains * 16 * 2, int8, kInt8Chains * 64 * 2, nullptr, 0};
  return kTable;
}

}  // namespace hearth::engine::cpu

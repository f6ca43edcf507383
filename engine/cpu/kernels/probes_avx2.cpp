// Probes for AVX2 with FMA.
#include <immintrin.h>
#include <stdint.h>

#include "engine/cpu/kernels/probes.h"

namespace hearth::engine::cpu {
namespace {

constexpr int kChains = 12;

uint64_t read(const uint8_t* data, int64_t bytes) {
  __m256i sums[8];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (int64_t i = 0; i < bytes; i += 256) {
#pragma GCC unroll 8
    for (int lane = 0; lane < 8; ++lane) {
      const auto* at = reinterpret_cast<const __m256i*>(data + i + lane * 32);
      sums[lane] = _mm256_add_epi64(sums[lane], _mm256_loadu_si256(at));
    }
  }
  alignas(32) uint64_t words[4];
  uint64_t total = 0;
  for (const __m256i& sum : sums) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(words), sum);
    total += words[0] + words[1] + words[2] + words[3];
  }
  return total;
}

float fp32(int64_t rounds) {
  __m256 chains[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) chains[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 half = _mm256_set1_ps(0.5F);
  const __m256 one = _mm256_set1_ps(1.0F);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) chains[i] = _mm256_fmadd_ps(chains[i], half, one);
  }
  __m256 total = _mm256_setzero_ps();
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) total = _mm256_add_ps(total, chains[i]);
  return _mm256_cvtss_f32(total);
}

int32_t int8(int64_t rounds) {
  __m256i chains[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) chains[i] = _mm256_set1_epi32(i);
  const __m256i x = _mm256_set1_epi16(3);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i)
      chains[i] = _mm256_add_epi32(chains[i], _mm256_madd_epi16(chains[i], x));
  }
  __m256i total = _mm256_setzero_si256();
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) total = _mm256_add_epi32(total, chains[i]);
  return _mm256_extract_epi32(total, 0);
}

}  // namespace

const ProbeTable& avx2_probes() {
  static constexpr ProbeTable kTable = {"avx2",           read,    fp32, kChains * 8 * 2, int8,
                                        kChains * 16 * 2, nullptr, 0};
  return kTable;
}

}  // namespace hearth::engine::cpu

// The AVX-512 probes where the processor has VDPBF16PS.
#include <immintrin.h>
#include <stdint.h>

#include "engine/cpu/kernels/probes.h"

namespace hearth::engine::cpu {
namespace {

constexpr int kChains = 24;

float bf16(int64_t rounds) {
  __m512 chains[kChains];
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) chains[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512bh x = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3E00));
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) chains[i] = _mm512_dpbf16_ps(chains[i], x, x);
  }
  __m512 total = _mm512_setzero_ps();
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) total = _mm512_add_ps(total, chains[i]);
  return _mm512_reduce_add_ps(total);
}

}  // namespace

const ProbeTable& avx512_bf16_probes() {
  static const ProbeTable table = [] {
    ProbeTable made = avx512_probes();
    made.name = "avx512-bf16";
    made.bf16 = bf16;
    made.bf16_ops = kChains * 32 * 2;
    return made;
  }();
  return table;
}

}  // namespace hearth::engine::cpu

// The AVX-512 kernels where VDPBF16PS runs at full rate (Zen 4 and 5): bf16 weights times
// activations rounded to bf16. VDPBF16PS adds each pair of products to the sum with its own
// rounding and flushes denormals, so this table's bf16 results differ in the last bits from the
// widening one's; which is used is part of the engine's fingerprint (DESIGN §10, "Numbers").
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/cpu/kernels/kernels.h"

namespace hearth::engine::cpu {
namespace {

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
        _mm_prefetch(reinterpret_cast<const char*>(ahead + i), _MM_HINT_T1);
      ahead += tile.ahead_step;
    }
    const __m512bh w0 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(panel));
    const __m512bh w1 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(panel + 64));
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      int32_t pair;
      __builtin_memcpy(&pair, a + r * 2, sizeof pair);
      const __m512bh x = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
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

}  // namespace

const KernelTable& avx512_bf16_kernels() {
  static const KernelTable table = [] {
    KernelTable made = avx512_kernels();
    made.name = "avx512-bf16";
    made.multiply_bf16 = multiply_bf16;
    made.bf16_activations = true;
    return made;
  }();
  return table;
}

}  // namespace hearth::engine::cpu

// Groups of kGroup weights → integers and an fp16 scale, and the way back for keys and values, in
// plain loops that each kernel unit compiles for its own instruction set: 16 lanes, no
// reassociation, so all units agree bit for bit.
#pragma once

#include <stdint.h>

#include "engine/cpu/kernels/half.h"
#include "engine/cpu/kernels/kernels.h"

namespace hearth::engine::cpu {

static inline float clamped(float value, float low, float high) {
  const float above = value > low ? value : low;  // NaN becomes low
  return above < high ? above : high;
}

// Of activations: the smallest e ≥ −100 with max|x| ≤ 127 · 2^e, from the bits of max|x|. Above
// 100: too large, or not a number. A power of two costs up to one of the eight bits, and joins the
// weights' scale by an integer addition, which the multipliers have no part in; with fp16 weight
// scales, which are never 0, the sum of the exponents stays in range.
static inline int32_t activation_exponent(uint32_t largest) {
  // Carries into the exponent when the mantissa is above that of 127.
  const int32_t e = static_cast<int32_t>((largest + 0x1FFFFU) >> 23) - (127 + 6);
  return e < -100 ? -100 : e;
}
constexpr int32_t kLargestActivationExponent = 100;

static inline float power_of_two(int32_t e) {
  return float_of_bits(static_cast<uint32_t>(e + 127) << 23);
}

// 2^-14: for a group of zeros, whose scale may be anything but 0.
constexpr uint16_t kScaleOfZeros = 0x0400;

// scale = max|w| / 127 as fp16; out[i] = round(w[i] / scale) + 128.
static inline uint16_t quantise_int8(const float* group, uint8_t* out) {
  float lanes[16] = {};
  for (int i = 0; i < kGroup; i += 16) {
    for (int lane = 0; lane < 16; ++lane) {
      const float size = __builtin_fabsf(group[i + lane]);
      lanes[lane] = size > lanes[lane] ? size : lanes[lane];
    }
  }
  float largest = 0.0F;
  for (int lane = 0; lane < 16; ++lane) largest = lanes[lane] > largest ? lanes[lane] : largest;
  uint16_t half = to_fp16_finite(largest / 127.0F);
  if (half == 0) half = kScaleOfZeros;
  const float inverse = 1.0F / from_fp16(half);
  for (int i = 0; i < kGroup; ++i) {
    const float q = clamped(__builtin_rintf(group[i] * inverse), -127.0F, 127.0F);
    out[i] = static_cast<uint8_t>(static_cast<int32_t>(q) + 128);
  }
  return half;
}

static inline float int4_error(const float* group, float scale) {
  const float inverse = 1.0F / scale;
  float lanes[16] = {};
  for (int i = 0; i < kGroup; i += 16) {
    for (int lane = 0; lane < 16; ++lane) {
      const float w = group[i + lane] == group[i + lane] ? group[i + lane] : 0.0F;  // no NaN
      const float miss = clamped(__builtin_rintf(w * inverse), -8.0F, 7.0F) * scale - w;
      lanes[lane] += miss * miss;
    }
  }
  float error = 0.0F;
  for (int lane = 0; lane < 16; ++lane) error += lanes[lane];
  return error;
}

// Of the scales that put the largest weight on −6.2 … −9.35 steps, the one with the least squared
// error. The scale takes the sign that sends the largest weight to the negative side, which reaches
// −8 where the positive one ends at 7. out[i] = round(w[i] / scale) + 8, 0 … 15.
static inline uint16_t quantise_int4(const float* group, uint8_t* out) {
  constexpr int kCandidates = 22;
  float extreme = 0.0F;
  for (int i = 0; i < kGroup; ++i)
    extreme = __builtin_fabsf(group[i]) > __builtin_fabsf(extreme) ? group[i] : extreme;
  uint16_t best = 0;
  float best_error = __builtin_inff();
  for (int candidate = 0; candidate < kCandidates; ++candidate) {
    const uint16_t half = to_fp16_finite(-extreme / (6.2F + 0.15F * static_cast<float>(candidate)));
    const float scale = from_fp16(half);
    if (scale == 0.0F) continue;
    const float error = int4_error(group, scale);
    if (error < best_error) {
      best_error = error;
      best = half;
    }
  }
  if (best == 0) best = kScaleOfZeros;
  const float inverse = 1.0F / from_fp16(best);
  for (int i = 0; i < kGroup; ++i) {
    const float q = clamped(__builtin_rintf(group[i] * inverse), -8.0F, 7.0F);
    out[i] = static_cast<uint8_t>(static_cast<int32_t>(q) + 8);
  }
  return best;
}

static inline void widen_bf16(const uint16_t* x, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = from_bf16(x[i]);
}

static inline void widen_kv(const int8_t* block, const float* scales, int head_dim, uint16_t* out) {
  constexpr int kPair = 2 * kBlockTokens;
  float key_scale[kPair];
  for (int i = 0; i < kPair; ++i) key_scale[i] = scales[i / 2];
  for (int d = 0; d < head_dim; d += 2, block += kPair, out += kPair) {
    for (int i = 0; i < kPair; ++i) out[i] = to_bf16(static_cast<float>(block[i]) * key_scale[i]);
  }
  for (int t = 0; t < kBlockTokens; ++t, block += head_dim, out += head_dim) {
    const float scale = scales[kBlockTokens + t];
    for (int d = 0; d < head_dim; ++d) out[d] = to_bf16(static_cast<float>(block[d]) * scale);
  }
}

}  // namespace hearth::engine::cpu

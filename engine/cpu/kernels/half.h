// bfloat16 and IEEE half precision ↔ fp32, to nearest even. Internal linkage: every kernel unit
// compiles its own copy for its own instruction set (kernels.h).
#pragma once

#include <stdint.h>

namespace hearth::engine::cpu {

static inline float float_of_bits(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t bits_of_float(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float from_bf16(uint16_t value) {
  return float_of_bits(static_cast<uint32_t>(value) << 16);
}

// NaN stays NaN.
static inline uint16_t to_bf16(float value) {
  const uint32_t bits = bits_of_float(value);
  const uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
  const uint32_t quiet_nan = (bits | 0x00400000U) >> 16;
  return static_cast<uint16_t>(value == value ? rounded : quiet_nan);
}

static inline float from_fp16(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16;
  const uint32_t exponent = (half >> 10) & 0x1FU;
  const uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0) {
    const float size = static_cast<float>(mantissa) * 5.9604644775390625e-8F;  // 2^-24
    return float_of_bits(bits_of_float(size) | sign);
  }
  if (exponent == 31) return float_of_bits(sign | 0x7F800000U | (mantissa << 13));
  return float_of_bits(sign | ((exponent + 112U) << 23) | (mantissa << 13));
}

// What is too large becomes the largest finite value, NaN zero: scales must stay numbers.
static inline uint16_t to_fp16_finite(float value) {
  const uint32_t sign = (bits_of_float(value) >> 16) & 0x8000U;
  const float size = __builtin_fabsf(value);
  if (!(size > 0.0F)) return 0;
  if (size >= 65504.0F) return static_cast<uint16_t>(sign | 0x7BFFU);
  if (size < 6.103515625e-5F) {  // subnormal: whole multiples of 2^-24
    return static_cast<uint16_t>(sign | static_cast<uint32_t>(__builtin_rintf(size * 16777216.0F)));
  }
  const uint32_t bits = bits_of_float(size);
  const uint32_t rounded = bits + 0x0FFFU + ((bits >> 13) & 1U);
  return static_cast<uint16_t>(sign | ((rounded >> 13) - (112U << 10)));
}

}  // namespace hearth::engine::cpu

// bfloat16 ↔ fp32, to nearest even. For code that is not compiled for one instruction set; kernels
// have their own.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace hearth::engine::cpu {

inline std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits | 0x00400000U) >> 16);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

inline float from_bf16(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

}  // namespace hearth::engine::cpu

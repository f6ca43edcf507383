// What weights, activations and the KV cache are stored as, and how a 16-byte piece of each becomes
// fp32. The same source for the device and for the host: no CUDA header is needed on the host.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__CUDACC__)
#include <cuda_fp16.h>
#define HEARTH_DEVICE __device__ __forceinline__
#define HEARTH_UNROLL _Pragma("unroll")
#define HEARTH_UNROLL_4 _Pragma("unroll 4")
#else
#define HEARTH_DEVICE inline
#define HEARTH_UNROLL
#define HEARTH_UNROLL_4
#endif

namespace hearth::engine::cuda {

// Of a matrix. int8: groups of 32 along a row share an fp16 scale; activations are then bf16.
enum class Numbers : uint8_t { fp32, bf16, fp16, int8 };

struct Bf16 {
  uint16_t bits;
};
struct Fp16 {
  uint16_t bits;
};
struct Int8 {
  int8_t value;
};

constexpr int kInt8Group = 32;
constexpr int kPieceBytes = 16;  // what one thread loads at once

// Values of T in a piece.
template <class T>
constexpr int kPiece = kPieceBytes / static_cast<int>(sizeof(T));

HEARTH_DEVICE float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

HEARTH_DEVICE uint32_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

HEARTH_DEVICE float to_float(float value) { return value; }
HEARTH_DEVICE float to_float(Bf16 value) {
  return float_of_bits(static_cast<uint32_t>(value.bits) << 16);
}
HEARTH_DEVICE float to_float(Int8 value) { return static_cast<float>(value.value); }
HEARTH_DEVICE float to_float(Fp16 value) {
#if defined(__CUDACC__)
  return __half2float(__ushort_as_half(value.bits));
#else
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000U) << 16;
  const uint32_t exponent = (value.bits >> 10) & 0x1FU;
  const uint32_t mantissa = value.bits & 0x3FFU;
  if (exponent == 0) {
    const float size = static_cast<float>(mantissa) * 5.9604644775390625e-8F;  // 2^-24
    return float_of_bits(bits_of_float(size) | sign);
  }
  if (exponent == 31) return float_of_bits(sign | 0x7F800000U | (mantissa << 13));
  return float_of_bits(sign | ((exponent + 112U) << 23) | (mantissa << 13));
#endif
}

// To nearest, ties to even; NaN stays NaN; fp16: what is too large becomes infinite.
HEARTH_DEVICE void store_float(float value, float& out) { out = value; }
HEARTH_DEVICE void store_float(float value, Bf16& out) {
  const uint32_t bits = bits_of_float(value);
  const uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
  const uint32_t quiet_nan = (bits | 0x00400000U) >> 16;
  out.bits = static_cast<uint16_t>(value == value ? rounded : quiet_nan);
}
HEARTH_DEVICE void store_float(float value, Fp16& out) {
#if defined(__CUDACC__)
  out.bits = __half_as_ushort(__float2half_rn(value));
#else
  const uint32_t bits = bits_of_float(value);
  const uint32_t sign = (bits >> 16) & 0x8000U;
  const float size = float_of_bits(bits & 0x7FFFFFFFU);
  uint32_t half = 0;
  if (!(size == size)) {
    half = 0x7FFFU;
  } else if (size >= 65520.0F) {
    half = 0x7C00U;
  } else if (size < 6.103515625e-5F) {  // subnormal: whole multiples of 2^-24
    half = static_cast<uint32_t>(__builtin_rintf(size * 16777216.0F));
  } else {
    const uint32_t magnitude = bits & 0x7FFFFFFFU;
    half = ((magnitude + 0x0FFFU + ((magnitude >> 13) & 1U)) >> 13) - (112U << 10);
  }
  out.bits = static_cast<uint16_t>(sign | half);
#endif
}

// 16 bytes, loaded by one instruction. The address must be a multiple of 16.
struct alignas(kPieceBytes) Piece {
  uint32_t words[4];
};

template <class T>
HEARTH_DEVICE Piece load_piece(const T* from) {
#if defined(__CUDACC__)
  return *reinterpret_cast<const Piece*>(from);
#else
  Piece piece;
  memcpy(&piece, from, sizeof piece);
  return piece;
#endif
}

// The same for weights: read once a step, so they should not push activations out of the cache.
template <class T>
HEARTH_DEVICE Piece stream_piece(const T* from) {
#if defined(__CUDACC__)
  const uint4 words = __ldcs(reinterpret_cast<const uint4*>(from));
  return {{words.x, words.y, words.z, words.w}};
#else
  return load_piece(from);
#endif
}

HEARTH_DEVICE void unpack(const Piece& piece, const float*, float (&out)[4]) {
  HEARTH_UNROLL
  for (int i = 0; i < 4; ++i) out[i] = float_of_bits(piece.words[i]);
}
HEARTH_DEVICE void unpack(const Piece& piece, const Bf16*, float (&out)[8]) {
  HEARTH_UNROLL
  for (int i = 0; i < 4; ++i) {
    out[2 * i] = float_of_bits(piece.words[i] << 16);
    out[2 * i + 1] = float_of_bits(piece.words[i] & 0xFFFF0000U);
  }
}
HEARTH_DEVICE void unpack(const Piece& piece, const Fp16*, float (&out)[8]) {
  HEARTH_UNROLL
  for (int i = 0; i < 4; ++i) {
    out[2 * i] = to_float(Fp16{static_cast<uint16_t>(piece.words[i] & 0xFFFFU)});
    out[2 * i + 1] = to_float(Fp16{static_cast<uint16_t>(piece.words[i] >> 16)});
  }
}
HEARTH_DEVICE void unpack(const Piece& piece, const Int8*, float (&out)[16]) {
  HEARTH_UNROLL
  for (int i = 0; i < 4; ++i) {
    HEARTH_UNROLL
    for (int j = 0; j < 4; ++j) {
      out[4 * i + j] = static_cast<float>(static_cast<int8_t>((piece.words[i] >> (8 * j)) & 0xFFU));
    }
  }
}

}  // namespace hearth::engine::cuda

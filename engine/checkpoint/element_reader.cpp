#include "engine/checkpoint/element_reader.h"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace hearth::engine {
namespace {

template <class T>
T read(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

double from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1F;
  const int fraction = bits & 0x3FF;
  double value = 0.0;
  if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else if (exponent == 31) {
    value = fraction == 0 ? INFINITY : NAN;
  } else {
    value = std::ldexp(fraction + 1024, exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

double from_bfloat16(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value = 0.0F;
  std::memcpy(&value, &wide, sizeof value);
  return static_cast<double>(value);
}

template <class T>
double read_as(const std::byte* from) {
  return static_cast<double>(read<T>(from));
}

// OCP FP8: 1 sign, 4 exponent and 3 fraction bits; no infinities.
double from_e4m3(std::uint8_t bits) {
  const int exponent = bits >> 3 & 0xF;
  const int fraction = bits & 7;
  double value = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(fraction + 8, exponent - 10);
  if (exponent == 15 && fraction == 7) value = NAN;
  return (bits & 0x80) != 0 ? -value : value;
}

}  // namespace

ElementReader element_reader(Dtype dtype) {
  switch (dtype) {
    case Dtype::f16:
      return [](const std::byte* from) { return from_half(read<std::uint16_t>(from)); };
    case Dtype::bf16:
      return [](const std::byte* from) { return from_bfloat16(read<std::uint16_t>(from)); };
    case Dtype::f8_e4m3:
      return [](const std::byte* from) { return from_e4m3(read<std::uint8_t>(from)); };
    case Dtype::f8_e5m2:  // the upper byte of an fp16
      return [](const std::byte* from) {
        return from_half(static_cast<std::uint16_t>(read<std::uint8_t>(from) << 8));
      };
    case Dtype::f32:
      return read_as<float>;
    case Dtype::f64:
      return read_as<double>;
    case Dtype::boolean:
    case Dtype::u8:
      return read_as<std::uint8_t>;
    case Dtype::i8:
      return read_as<std::int8_t>;
    case Dtype::i16:
      return read_as<std::int16_t>;
    case Dtype::u16:
      return read_as<std::uint16_t>;
    case Dtype::i32:
      return read_as<std::int32_t>;
    case Dtype::u32:
      return read_as<std::uint32_t>;
    case Dtype::i64:
      return read_as<std::int64_t>;
    case Dtype::u64:
      return read_as<std::uint64_t>;
    default:
      return nullptr;
  }
}

}  // namespace hearth::engine

#include "engine/cpu/tensor_rows.h"

#include <bit>
#include <cstring>

#include "engine/base/check.h"

namespace hearth::engine::cpu {
namespace {

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

float from_fp16(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0) {
    const float size = static_cast<float>(mantissa) * 5.9604644775390625e-8F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(size) | sign);
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (mantissa << 13));
}

// Elements at `at`, `at + step`, … in bytes.
template <class Convert>
void convert_row(const std::byte* at, std::int64_t step, std::int64_t count, float* out,
                 const Convert& convert) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = convert(at + i * step);
}

void convert(Dtype dtype, const std::byte* at, std::int64_t stride, std::int64_t count,
             float* out) {
  switch (dtype) {
    case Dtype::bf16:
      return convert_row(at, stride * 2, count, out, [](const std::byte* p) {
        return std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(p)) << 16);
      });
    case Dtype::f16:
      return convert_row(at, stride * 2, count, out,
                         [](const std::byte* p) { return from_fp16(load<std::uint16_t>(p)); });
    case Dtype::f32:
      return convert_row(at, stride * 4, count, out,
                         [](const std::byte* p) { return load<float>(p); });
    case Dtype::f64:
      return convert_row(at, stride * 8, count, out,
                         [](const std::byte* p) { return static_cast<float>(load<double>(p)); });
    default:
      CHECK(is_floating(dtype));
  }
}

}  // namespace

void read_row(const TensorView& tensor, std::int64_t row, float* out) {
  CHECK(tensor.shape.size() == 2);
  if (tensor.rows != nullptr) return tensor.rows->read(row, out);  // dequantised while it is read
  const std::int64_t bytes = bits_of(tensor.dtype) / 8;
  convert(tensor.dtype, tensor.bytes.data() + row * tensor.strides[0] * bytes, tensor.strides[1],
          tensor.shape[1], out);
}

std::vector<float> read_vector(const TensorView& tensor) {
  CHECK(tensor.shape.size() == 1);
  std::vector<float> values(static_cast<std::size_t>(tensor.shape[0]));
  convert(tensor.dtype, tensor.bytes.data(), tensor.strides[0], tensor.shape[0], values.data());
  return values;
}

}  // namespace hearth::engine::cpu

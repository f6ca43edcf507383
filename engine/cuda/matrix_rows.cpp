#include "engine/cuda/matrix_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/base/check.h"
#include "engine/checkpoint/element_reader.h"

namespace hearth::engine::cuda {
namespace {

template <class T>
void widen(const std::byte* from, std::int64_t step, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, from + i * step * static_cast<std::int64_t>(sizeof(T)), sizeof value);
    out[i] = to_float(value);
  }
}

void widen(Dtype dtype, const std::byte* from, std::int64_t step, std::int64_t count, float* out) {
  if (dtype == Dtype::bf16) return widen<Bf16>(from, step, count, out);
  if (dtype == Dtype::f16) return widen<Fp16>(from, step, count, out);
  if (dtype == Dtype::f32) return widen<float>(from, step, count, out);
  const ElementReader read = element_reader(dtype);
  CHECK(read != nullptr);
  const std::int64_t bytes = bits_of(dtype) / 8;
  for (std::int64_t i = 0; i < count; ++i)
    out[i] = static_cast<float>(read(from + i * step * bytes));
}

template <class T>
void pack_as(const float* values, std::int64_t k, std::int64_t stride, std::byte* out) {
  for (std::int64_t i = 0; i < stride; ++i) {
    T value;
    store_float(i < k ? values[i] : 0.0F, value);
    std::memcpy(out + i * static_cast<std::int64_t>(sizeof(T)), &value, sizeof value);
  }
}

void pack_int8(const float* values, std::int64_t k, std::int64_t stride, std::byte* out,
               Fp16* scales) {
  std::memset(out, 0, static_cast<std::size_t>(stride));
  for (std::int64_t first = 0; first < stride; first += kInt8Group) {
    const std::int64_t end = std::min(k, first + kInt8Group);
    float largest = 0.0F;
    for (std::int64_t i = first; i < end; ++i) largest = std::max(largest, std::fabs(values[i]));
    Fp16& scale = scales[first / kInt8Group];
    store_float(std::min(largest / 127.0F, 65504.0F), scale);
    const float rounded = to_float(scale);
    if (!(rounded > 0.0F)) continue;
    for (std::int64_t i = first; i < end; ++i) {
      const float code = std::clamp(std::nearbyint(values[i] / rounded), -127.0F, 127.0F);
      out[i] = static_cast<std::byte>(static_cast<std::int8_t>(std::isnan(code) ? 0.0F : code));
    }
  }
}

}  // namespace

void read_row(const TensorView& tensor, std::int64_t row, float* out) {
  CHECK(tensor.shape.size() == 2);
  if (tensor.rows != nullptr) return tensor.rows->read(row, out);
  const std::int64_t bytes = bits_of(tensor.dtype) / 8;
  widen(tensor.dtype, tensor.bytes.data() + row * tensor.strides[0] * bytes, tensor.strides[1],
        tensor.shape[1], out);
}

std::vector<float> read_vector(const TensorView& tensor) {
  CHECK(tensor.shape.size() == 1);
  std::vector<float> values(static_cast<std::size_t>(tensor.shape[0]));
  widen(tensor.dtype, tensor.bytes.data(), tensor.strides[0], tensor.shape[0], values.data());
  return values;
}

bool is_stored_as(const TensorView& tensor, Numbers numbers) {
  if (tensor.rows != nullptr || tensor.strides[1] != 1) return false;
  return (numbers == Numbers::bf16 && tensor.dtype == Dtype::bf16) ||
         (numbers == Numbers::fp16 && tensor.dtype == Dtype::f16) ||
         (numbers == Numbers::fp32 && tensor.dtype == Dtype::f32);
}

void pack_row(const float* values, std::int64_t k, std::int64_t stride, Numbers numbers,
              std::byte* out, Fp16* scales) {
  switch (numbers) {
    case Numbers::fp32:
      return pack_as<float>(values, k, stride, out);
    case Numbers::bf16:
      return pack_as<Bf16>(values, k, stride, out);
    case Numbers::fp16:
      return pack_as<Fp16>(values, k, stride, out);
    case Numbers::int8:
      return pack_int8(values, k, stride, out, scales);
  }
}

}  // namespace hearth::engine::cuda

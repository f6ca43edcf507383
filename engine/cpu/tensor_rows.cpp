#include "engine/cpu/tensor_rows.h"

#include <cstring>

#include "engine/base/check.h"
#include "engine/cpu/kernels/half.h"

namespace hearth::engine::cpu {
namespace {

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Elements at `at`, `at + step`, … in bytes.
template <class Convert>
void convert_each(const std::byte* at, std::int64_t step, std::int64_t count, float* out,
                  const Convert& convert) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = convert(at + i * step);
}

bool is_aligned(const std::byte* at) { return reinterpret_cast<std::uintptr_t>(at) % 2 == 0; }

void convert(const KernelTable& kernels, Dtype dtype, const std::byte* at, std::int64_t stride,
             std::int64_t count, float* out) {
  const bool is_plain = stride == 1 && is_aligned(at);
  switch (dtype) {
    case Dtype::bf16:
      if (is_plain)
        return kernels.widen_bf16(reinterpret_cast<const std::uint16_t*>(at), count, out);
      return convert_each(at, stride * 2, count, out,
                          [](const std::byte* p) { return from_bf16(load<std::uint16_t>(p)); });
    case Dtype::f16:
      if (is_plain)
        return kernels.widen_fp16(reinterpret_cast<const std::uint16_t*>(at), count, out);
      return convert_each(at, stride * 2, count, out,
                          [](const std::byte* p) { return from_fp16(load<std::uint16_t>(p)); });
    case Dtype::f32:
      if (stride == 1) {
        std::memcpy(out, at, static_cast<std::size_t>(count) * sizeof(float));
        return;
      }
      return convert_each(at, stride * 4, count, out,
                          [](const std::byte* p) { return load<float>(p); });
    case Dtype::f64:
      return convert_each(at, stride * 8, count, out,
                          [](const std::byte* p) { return static_cast<float>(load<double>(p)); });
    default:
      CHECK(is_floating(dtype));
  }
}

}  // namespace

void read_row(const KernelTable& kernels, const TensorView& tensor, std::int64_t row, float* out) {
  CHECK(tensor.shape.size() == 2);
  if (tensor.rows != nullptr) return tensor.rows->read(row, out);  // dequantised while it is read
  const std::int64_t bytes = bits_of(tensor.dtype) / 8;
  convert(kernels, tensor.dtype, tensor.bytes.data() + row * tensor.strides[0] * bytes,
          tensor.strides[1], tensor.shape[1], out);
}

std::vector<float> read_vector(const KernelTable& kernels, const TensorView& tensor) {
  CHECK(tensor.shape.size() == 1);
  std::vector<float> values(static_cast<std::size_t>(tensor.shape[0]));
  convert(kernels, tensor.dtype, tensor.bytes.data(), tensor.strides[0], tensor.shape[0],
          values.data());
  return values;
}

}  // namespace hearth::engine::cpu

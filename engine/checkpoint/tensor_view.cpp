#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

int bits_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f4:
      return 4;
    case Dtype::f6_e2m3:
    case Dtype::f6_e3m2:
      return 6;
    case Dtype::boolean:
    case Dtype::u8:
    case Dtype::i8:
    case Dtype::f8_e5m2:
    case Dtype::f8_e4m3:
    case Dtype::f8_e8m0:
    case Dtype::f8_e4m3fnuz:
    case Dtype::f8_e5m2fnuz:
      return 8;
    case Dtype::i16:
    case Dtype::u16:
    case Dtype::f16:
    case Dtype::bf16:
      return 16;
    case Dtype::i32:
    case Dtype::u32:
    case Dtype::f32:
      return 32;
    case Dtype::c64:
    case Dtype::f64:
    case Dtype::i64:
    case Dtype::u64:
      return 64;
  }
  return 0;
}

std::string_view name_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::boolean:
      return "BOOL";
    case Dtype::u8:
      return "U8";
    case Dtype::i8:
      return "I8";
    case Dtype::f8_e5m2:
      return "F8_E5M2";
    case Dtype::f8_e4m3:
      return "F8_E4M3";
    case Dtype::f8_e8m0:
      return "F8_E8M0";
    case Dtype::f8_e4m3fnuz:
      return "F8_E4M3FNUZ";
    case Dtype::f8_e5m2fnuz:
      return "F8_E5M2FNUZ";
    case Dtype::i16:
      return "I16";
    case Dtype::u16:
      return "U16";
    case Dtype::f16:
      return "F16";
    case Dtype::bf16:
      return "BF16";
    case Dtype::i32:
      return "I32";
    case Dtype::u32:
      return "U32";
    case Dtype::f32:
      return "F32";
    case Dtype::c64:
      return "C64";
    case Dtype::f64:
      return "F64";
    case Dtype::i64:
      return "I64";
    case Dtype::u64:
      return "U64";
    case Dtype::f4:
      return "F4";
    case Dtype::f6_e2m3:
      return "F6_E2M3";
    case Dtype::f6_e3m2:
      return "F6_E3M2";
  }
  return "";
}

bool is_floating(Dtype dtype) {
  return dtype == Dtype::f16 || dtype == Dtype::bf16 || dtype == Dtype::f32 || dtype == Dtype::f64;
}

std::int64_t TensorView::num_elements() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

bool TensorView::is_contiguous() const { return strides == contiguous_strides(shape); }

std::string format_shape(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

std::vector<std::int64_t> contiguous_strides(std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

}  // namespace hearth::engine

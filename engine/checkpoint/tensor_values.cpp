#include "engine/checkpoint/tensor_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

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

using Reader = double (*)(const std::byte*);

template <class T>
double read_as(const std::byte* from) {
  return static_cast<double>(read<T>(from));
}

Reader reader_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f16:
      return [](const std::byte* from) { return from_half(read<std::uint16_t>(from)); };
    case Dtype::bf16:
      return [](const std::byte* from) { return from_bfloat16(read<std::uint16_t>(from)); };
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

// Walks the elements in row-major order whatever the strides.
class Walk {
 public:
  explicit Walk(const TensorView& view) : view_(view), index_(view.shape.size(), 0) {}

  std::int64_t offset() const { return offset_; }  // in elements
  void next() {
    for (std::size_t d = index_.size(); d-- > 0;) {
      offset_ += view_.strides[d];
      if (++index_[d] < view_.shape[d]) return;
      offset_ -= view_.shape[d] * view_.strides[d];
      index_[d] = 0;
    }
  }

 private:
  const TensorView& view_;
  std::vector<std::int64_t> index_;
  std::int64_t offset_ = 0;
};

}  // namespace

Result<TensorSummary> summarise(const TensorView& view, std::size_t count) {
  const Reader reader = reader_of(view.dtype);
  if (reader == nullptr) {
    return fail(ErrorCode::dtype_unsupported,
                "Values of the dtype " + std::string(name_of(view.dtype)) + " cannot be shown.");
  }
  const std::int64_t size = bits_of(view.dtype) / 8;
  TensorSummary summary;
  std::int64_t num_finite = 0;
  double mean = 0.0;
  double squares = 0.0;  // Welford's sum of squared distances
  Walk walk(view);
  for (std::int64_t i = 0; i < view.num_elements(); ++i, walk.next()) {
    const double value = reader(view.bytes.data() + walk.offset() * size);
    if (summary.first.size() < count) summary.first.push_back(value);
    if (!std::isfinite(value)) continue;
    summary.min = num_finite == 0 ? value : std::min(summary.min, value);
    summary.max = num_finite == 0 ? value : std::max(summary.max, value);
    ++num_finite;
    const double distance = value - mean;
    mean += distance / static_cast<double>(num_finite);
    squares += distance * (value - mean);
  }
  summary.mean = mean;
  summary.standard_deviation =
      num_finite == 0 ? 0.0 : std::sqrt(squares / static_cast<double>(num_finite));
  summary.num_not_finite = view.num_elements() - num_finite;
  return summary;
}

}  // namespace hearth::engine

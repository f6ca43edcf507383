// A tensor as it lies in a weight file: nothing is copied, converted or aligned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::engine {

// Element types that a checkpoint may hold. Names are safetensors' (models §9.1), in lower case.
enum class Dtype : std::uint8_t {
  boolean,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64,
  f4,
  f6_e2m3,
  f6_e3m2,  // less than a byte
};

// Bits of one element: 4 to 64.
int bits_of(Dtype dtype);

// The name as safetensors writes it, "BF16".
std::string_view name_of(Dtype dtype);

bool is_floating(Dtype dtype);  // f16, bf16, f32 or f64: what a decoder can load

// Computes the rows of a matrix that is not stored as numbers (quantised weights). Immutable; any
// thread.
class RowSource {
 public:
  virtual ~RowSource() = default;
  // Writes the row's shape[1] numbers.
  virtual void read(std::int64_t row, float* out) const = 0;
};

// Does not own its bytes: valid as long as the Checkpoint it came from. The bytes may be unaligned
// for their type, so read them with memcpy. Immutable; any thread.
struct TensorView {
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;  // row-major, outermost first; empty for a scalar
  std::vector<std::int64_t>
      strides;  // in elements; those of a contiguous tensor unless a pickle file says otherwise
  std::span<const std::byte> bytes;                 // from the first element to the end of the last
  std::shared_ptr<const RowSource> rows = nullptr;  // when set, elements come from here and `bytes`
                                                    // are what it computes them from

  std::int64_t num_elements() const;
  bool is_contiguous() const;
};

struct NamedTensor {
  std::string name;
  TensorView view;
};

// "[896, 4864]".
std::string format_shape(std::span<const std::int64_t> shape);

// The strides of a row-major tensor without gaps.
std::vector<std::int64_t> contiguous_strides(std::span<const std::int64_t> shape);

}  // namespace hearth::engine

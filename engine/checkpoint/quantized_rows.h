// Rows of quantised matrices, computed from what a checkpoint stores (models §8.6). Used by
// dequantize.cpp alone, which checks shapes and types.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/checkpoint/element_reader.h"
#include "engine/checkpoint/quantization.h"
#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

using Rows = std::shared_ptr<const RowSource>;

// A companion tensor's elements by row and column.
class Elements {
 public:
  Elements() = default;
  explicit Elements(const TensorView& view)
      : view_(view),
        reader_(element_reader(view.dtype)),
        bytes_(bits_of(view.dtype) / 8),
        columns_(view.shape.size() > 1 ? view.shape[1] : 1) {}

  float at(std::int64_t row, std::int64_t column) const { return at(row * columns_ + column); }
  float at(std::int64_t i) const {
    return static_cast<float>(reader_(view_.bytes.data() + i * bytes_));
  }
  std::uint32_t word(std::int64_t row, std::int64_t column) const {
    std::uint32_t value = 0;
    std::memcpy(&value, view_.bytes.data() + (row * columns_ + column) * 4, sizeof value);
    return value;
  }
  std::int64_t integer(std::int64_t i) const {
    return static_cast<std::int64_t>(reader_(view_.bytes.data() + i * bytes_));
  }

 private:
  TensorView view_;
  ElementReader reader_ = nullptr;
  std::int64_t bytes_ = 0;
  std::int64_t columns_ = 1;
};

struct PackedParts {
  Elements weights;
  Elements zeros;
  Elements scales;
};

// "GPTQ", Frantar et al. 2022, as AutoGPTQ stores it. groups: of every input.
Rows make_gptq_rows(PackedParts parts, std::vector<std::int32_t> groups,
                    const QuantizationSpec& spec);

// "AWQ", Lin et al. 2023, version gemm.
Rows make_awq_rows(PackedParts parts, std::int64_t num_inputs, std::int64_t group_size);

// One scale for all, for each row, or for each block.
struct BlockScales {
  Elements values;
  std::int64_t block_rows = 1;
  std::int64_t block_columns = 1;
  float factor = 1.0F;  // multiplies every scale
};
Rows make_scaled_rows(const TensorView& weights, BlockScales scales);

}  // namespace hearth::engine

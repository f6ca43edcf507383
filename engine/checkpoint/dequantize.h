// Quantised linear modules as matrices of numbers: GPTQ, AWQ, FP8 with scales, bitsandbytes int8
// (models §8.6).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/quantization.h"
#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

struct DequantizedMatrix {
  TensorView view;                // [out, in]; its rows are computed from the stored tensors
  std::vector<std::string> used;  // names of those
};

// The weight of the module at `path`, of the given [out, in], or nullopt when the checkpoint has no
// quantised tensors there. Valid as long as the checkpoint. Errors: tensor_missing,
// tensor_shape_mismatch, dtype_unsupported (a companion tensor that does not fit).
Result<std::optional<DequantizedMatrix>> find_quantized(const Checkpoint& checkpoint,
                                                        const QuantizationSpec& spec,
                                                        const std::string& path,
                                                        std::int64_t num_rows,
                                                        std::int64_t num_columns);

}  // namespace hearth::engine

// One row of a tensor as the device stores it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/checkpoint/tensor_view.h"
#include "engine/cuda/kernels/arguments.h"

namespace hearth::engine::cuda {

// Row `row` of a [rows, k] tensor (f16, bf16, f32 or f64; any strides, or computed) as fp32, [k].
void read_row(const TensorView& tensor, std::int64_t row, float* out);

// All of a [n] tensor.
std::vector<float> read_vector(const TensorView& tensor);

// Whether a row's bytes are the device's bytes.
bool is_stored_as(const TensorView& tensor, Numbers numbers);

// `k` values → `stride` values of `numbers`, the rest zero. int8: scale = max|w| / 127 of each
// group as fp16, [stride / kInt8Group] into `scales`.
void pack_row(const float* values, std::int64_t k, std::int64_t stride, Numbers numbers,
              std::byte* out, Fp16* scales);

}  // namespace hearth::engine::cuda

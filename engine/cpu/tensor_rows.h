// Rows of a tensor as it lies in the file, widened to fp32.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/checkpoint/tensor_view.h"
#include "engine/cpu/kernels/kernels.h"

namespace hearth::engine::cpu {

// Row `row` of a [rows, k] tensor (f16, bf16, f32 or f64; any strides) → out [k]. Any thread.
void read_row(const KernelTable& kernels, const TensorView& tensor, std::int64_t row, float* out);

// All of a [n] tensor.
std::vector<float> read_vector(const KernelTable& kernels, const TensorView& tensor);

}  // namespace hearth::engine::cpu

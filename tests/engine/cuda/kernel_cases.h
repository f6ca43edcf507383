// Each kernel against sums in doubles, on whatever device is given: the host in cuda_tests, a GPU
// in cuda_device_tests.
#pragma once

#include "engine/cuda/device.h"

namespace hearth::engine::cuda::testing {

// Products of 1 to 8 tokens with odd sizes, every way to share rows out, every storage, and each
// epilogue.
void expect_gemv_is_exact(Device& device);
void expect_fused_norm_is_exact(Device& device);
void expect_gate_is_exact(Device& device);
void expect_matmul_is_exact(Device& device);

// Decodes and prompts over scattered blocks: groups of 1 to 12 query heads, heads of 8 to 256
// channels, windows, caps, keys in one block's hands and shared out.
void expect_attention_is_exact(Device& device);

// Rope in both layouts with head norms, caches and queries.
void expect_rope_is_exact(Device& device);
void expect_row_kernels_are_exact(Device& device);

}  // namespace hearth::engine::cuda::testing

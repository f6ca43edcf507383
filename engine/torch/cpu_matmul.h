// y = x · Wᵀ on the CPU without laying the weights out anew.
//
// Why not at::linear: Debian's libtorch 1.13 calls oneDNN for bf16, which copies Wᵀ into its own
// layout on every call (1 GB/s at one token where memory gives 20), and for fp32 whatever
// libblas.so.3 is, often the unoptimised reference BLAS (4 GFLOP/s). Weights here are read once per
// step, as they lie; each output is one dot product in a fixed order, so a row's result does not
// depend on the other rows of the batch.
#pragma once

#include <cstdint>

namespace hearth::engine {

struct MatmulInput {
  const float* x = nullptr;  // [num_rows, depth], contiguous
  std::int64_t num_rows = 0;
  std::int64_t depth = 0;
  const void* weight = nullptr;  // [outputs, depth], contiguous; float or bfloat16
  bool is_bf16 = false;          // of weight
  std::int64_t num_outputs = 0;
};

// Computes out[row * num_outputs + o] for all rows and begin ≤ o < end, accumulating in float. No
// allocation, no threads: callers split the outputs among theirs.
void cpu_matmul(const MatmulInput& input, std::int64_t begin, std::int64_t end, float* out);

// "avx512", "avx2" or "baseline": chosen once, by what the processor has.
const char* cpu_matmul_instruction_set();

}  // namespace hearth::engine

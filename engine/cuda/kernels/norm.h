// RMS norm of a row by one block; and the activation of gated MLPs.
#pragma once

#include <math.h>

#include "engine/cuda/kernels/arguments.h"
#include "engine/cuda/kernels/block.h"

namespace hearth::engine::cuda {

HEARTH_DEVICE float activate(Act act, float x) {
  if (act == Act::silu) return x / (1.0F + expf(-x));
  const float inner = 0.7978845608028654F * (x + 0.044715F * x * x * x);
  return 0.5F * x * (1.0F + tanhf(inner));
}

// The factor 1/√(mean x² + eps), for every thread. `sums` is shared memory, [kWarps]. Ends with a
// barrier before its last read of `sums`: another barrier must come before they are written again.
template <class Block>
HEARTH_DEVICE void row_scale(const Block& block, const float* row, int width, float eps,
                             float* sums, typename Block::template Per<Values<1>>& scale) {
  typename Block::template Per<Values<1>> squares;
  block.each([&](int t) {
    float sum = 0.0F;
    for (int i = t; i < width; i += kThreads) sum += row[i] * row[i];
    squares[t].v[0] = sum;
  });
  block.warp_sum(squares);
  block.phase([&](int t) {
    if (t % kLanes == 0) sums[t / kLanes] = squares[t].v[0];
  });
  block.each([&](int t) {
    float sum = 0.0F;
    HEARTH_UNROLL
    for (int w = 0; w < kWarps; ++w) sum += sums[w];
    scale[t].v[0] = 1.0F / sqrtf(sum / static_cast<float>(width) + eps);
  });
}

}  // namespace hearth::engine::cuda

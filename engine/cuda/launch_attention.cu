#include "engine/cuda/kernels/launch.h"
#include "engine/cuda/launch_cuda.h"

namespace hearth::engine::cuda {

cudaError_t launch_on(const LaunchPlace& place, const AttentionArgs& args) {
  cudaError_t status = cudaSuccess;
  dispatch(args, [&](const auto& kernel, Grid grid, int shared_bytes) {
    status = start(place, kernel, grid, shared_bytes);
  });
  return status;
}

}  // namespace hearth::engine::cuda

#include "engine/cuda/kernels/launch.h"
#include "engine/cuda/launch_cuda.h"

namespace hearth::engine::cuda {
namespace {

template <class Args>
cudaError_t launch_any(const LaunchPlace& place, const Args& args) {
  cudaError_t status = cudaSuccess;
  dispatch(args, [&](const auto& kernel, Grid grid, int shared_bytes) {
    status = start(place, kernel, grid, shared_bytes);
  });
  return status;
}

}  // namespace

cudaError_t launch_on(const LaunchPlace& place, const EmbedArgs& args) {
  return launch_any(place, args);
}
cudaError_t launch_on(const LaunchPlace& place, const RmsNormArgs& args) {
  return launch_any(place, args);
}
cudaError_t launch_on(const LaunchPlace& place, const AddNormedArgs& args) {
  return launch_any(place, args);
}
cudaError_t launch_on(const LaunchPlace& place, const RopeArgs& args) {
  return launch_any(place, args);
}
cudaError_t launch_on(const LaunchPlace& place, const GateArgs& args) {
  return launch_any(place, args);
}
cudaError_t launch_on(const LaunchPlace& place, const FinishArgs& args) {
  return launch_any(place, args);
}
cudaError_t launch_on(const LaunchPlace& place, const WidenArgs& args) {
  return launch_any(place, args);
}

}  // namespace hearth::engine::cuda

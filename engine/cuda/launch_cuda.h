// Starts kernels on a stream. Internal to the .cu files.
#pragma once

#include <cuda_runtime.h>

#include "engine/cuda/kernels/arguments.h"
#include "engine/cuda/kernels/block.h"

namespace hearth::engine::cuda {

struct LaunchPlace {
  cudaStream_t stream = nullptr;
  int num_processors = 1;
  bool overlaps = false;  // programmatic dependent launch
};

cudaError_t launch_on(const LaunchPlace& place, const EmbedArgs& args);
cudaError_t launch_on(const LaunchPlace& place, const RmsNormArgs& args);
cudaError_t launch_on(const LaunchPlace& place, const AddNormedArgs& args);
cudaError_t launch_on(const LaunchPlace& place, const GemvArgs& args);
cudaError_t launch_on(const LaunchPlace& place, const RopeArgs& args);
cudaError_t launch_on(const LaunchPlace& place, const GateArgs& args);
cudaError_t launch_on(const LaunchPlace& place, const FinishArgs& args);
cudaError_t launch_on(const LaunchPlace& place, const WidenArgs& args);
cudaError_t launch_on(const LaunchPlace& place, const AttentionArgs& args);

#if defined(__CUDACC__)

// The next kernel may be set up now; this one reads nothing before the one before it has ended and
// its writes are seen. Every kernel waits, so the order of all is kept.
__device__ __forceinline__ void wait_for_previous() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

template <class Kernel>
__global__ void __launch_bounds__(kThreads) run_kernel(const Kernel kernel) {
  extern __shared__ float4 shared[];
  wait_for_previous();
  kernel(DeviceBlock(shared));
}

constexpr int kPlainSharedBytes = 48 << 10;  // more must be asked for

template <class Kernel>
cudaError_t start(const LaunchPlace& place, const Kernel& kernel, Grid grid, int shared_bytes) {
  if (shared_bytes > kPlainSharedBytes) {
    const cudaError_t raised = cudaFuncSetAttribute(
        run_kernel<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
    if (raised != cudaSuccess) return raised;
  }
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y),
                        static_cast<unsigned>(grid.z));
  config.blockDim = dim3(kThreads);
  config.dynamicSmemBytes = static_cast<std::size_t>(shared_bytes);
  config.stream = place.stream;
  cudaLaunchAttribute overlap = {};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  config.attrs = &overlap;
  config.numAttrs = place.overlaps ? 1 : 0;
  return cudaLaunchKernelEx(&config, run_kernel<Kernel>, kernel);
}

#endif

}  // namespace hearth::engine::cuda

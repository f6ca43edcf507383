#include "engine/cuda/load_cuda.h"

#include <utility>

#include "engine/base/gpu_memory.h"
#include "engine/checkpoint/placement.h"
#include "engine/cuda/cuda_decoder.h"
#include "engine/cuda/cuda_device.h"

namespace hearth::engine {

bool cuda_decoder_fits(const ModelSpec& spec, const RunnerOptions& options) {
  if (options.device == ComputeDevice::cpu || !cuda::can_run(spec, options)) return false;
  const std::vector<std::int64_t> free = free_gpu_memory();
  if (free.empty()) return false;
  const bool is_stored_wide = spec.stored_dtype.value_or(Dtype::bf16) == Dtype::f32;
  const bool is_wide = options.dtype == ComputeDtype::fp32 ||
                       (options.dtype == ComputeDtype::automatic && is_stored_wide);
  const std::int64_t bytes = is_wide ? 4 : options.dtype == ComputeDtype::int8 ? 1 : 2;
  return placement_sizes(spec, spec.tied_embeddings, 0).total() * bytes <= free[0] / 10 * 9;
}

Result<std::unique_ptr<StepRunner>> load_cuda_runner(const Checkpoint& checkpoint,
                                                     const ModelSpec& spec,
                                                     const RunnerOptions& options,
                                                     const ProgressSink& progress) {
  auto device = cuda::open_cuda_device();
  if (!device) return tl::unexpected(device.error());
  cuda::CudaDecoderOptions cuda_options;
  cuda_options.runner = options;
  return cuda::load_cuda_decoder(std::move(*device), checkpoint, spec, cuda_options, progress);
}

}  // namespace hearth::engine

// The shared pre-norm decoder of models §2 on a GPU: CpuDecoder's sister, over the same ModelSpec,
// Batch and block tables. Hearth's own kernels and cublasLt; no libtorch.
//
// A step of at most 8 tokens is five kernels a layer (norm + qkv + rope + cache, attention, o +
// residual, norm + gate/up, down + residual); with more, matrices go through Device::matmul with
// small kernels between. One copy to the device before the step, one from it after. Steps in which
// every row decodes one token are recorded once for each size and replayed.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/cuda/device.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine::cuda {

// Left free on the device when the KV cache takes its share: for the library's own memory, recorded
// graphs, and logits of long prompts.
constexpr std::int64_t kReserveBytes = std::int64_t{1} << 30;

struct CudaDecoderOptions {
  RunnerOptions runner;
  bool records_steps = true;
  std::int64_t reserve_bytes = kReserveBytes;
};

// True when load can run this model in this dtype; otherwise TorchDecoder must.
bool can_run(const ModelSpec& spec, const RunnerOptions& options);

// Loads the weights onto the device, which the decoder then owns; the checkpoint may be closed
// afterwards. `automatic` is what the folder stores (fp32, bf16 or fp16). int8: weights alone, in
// groups of 32; activations are then bf16. The KV cache has the activations' numbers, and takes
// what is free less the reserve unless the options say how much.
//
// A row whose result the device has no memory for fails alone. A lost device fails every step from
// then on. Errors: those of load_device_weights; architecture_unsupported; dtype_unsupported.
Result<std::unique_ptr<StepRunner>> load_cuda_decoder(std::unique_ptr<Device> device,
                                                      const Checkpoint& checkpoint,
                                                      const ModelSpec& spec,
                                                      const CudaDecoderOptions& options,
                                                      const ProgressSink& progress);

}  // namespace hearth::engine::cuda

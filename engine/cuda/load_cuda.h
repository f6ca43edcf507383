// What programs link: the GPU decoder where the build has it (HEARTH_CUDA), else its absence.
#pragma once

#include <memory>

#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine {

// Whether CudaDecoder is in the build, knows the model and dtype, and one GPU's free memory holds
// the weights with a tenth to spare. Where it does not, TorchDecoder may.
bool cuda_decoder_fits(const ModelSpec& spec, const RunnerOptions& options);

// On the first GPU. The checkpoint may be closed afterwards. Errors: engine_failed (no GPU, not in
// this build), and those of cuda::load_cuda_decoder.
Result<std::unique_ptr<StepRunner>> load_cuda_runner(const Checkpoint& checkpoint,
                                                     const ModelSpec& spec,
                                                     const RunnerOptions& options,
                                                     const ProgressSink& progress);

}  // namespace hearth::engine

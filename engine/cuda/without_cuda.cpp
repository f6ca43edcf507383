// Builds without HEARTH_CUDA.
#include "engine/cuda/load_cuda.h"

namespace hearth::engine {

bool cuda_decoder_fits(const ModelSpec&, const RunnerOptions&) { return false; }

Result<std::unique_ptr<StepRunner>> load_cuda_runner(const Checkpoint&, const ModelSpec&,
                                                     const RunnerOptions&, const ProgressSink&) {
  return fail(ErrorCode::engine_failed,
              "This Hearth was built without the GPU decoder (HEARTH_CUDA).");
}

}  // namespace hearth::engine

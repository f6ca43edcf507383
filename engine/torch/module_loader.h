// Loads libhearth_torch.so when a torch decoder is wanted. Linking it would cost every command half
// a second and 150 MB.
#pragma once

#include <memory>

#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine {

// Copies the weights, one tensor at a time; checkpoint and spec are not needed afterwards. Looks
// for the module beside the executable, then in ../lib/hearth. The module stays loaded until the
// process ends. Errors: engine_failed (no module, another build's module, no such device),
// architecture_unsupported, tensor_missing, tensor_shape_mismatch, dtype_unsupported,
// invalid_parameter (options), out_of_memory.
Result<std::unique_ptr<StepRunner>> load_torch_runner(const Checkpoint& checkpoint,
                                                      const ModelSpec& spec,
                                                      const RunnerOptions& options,
                                                      const ProgressSink& progress = {});

// Whether libtorch was built with CUDA and finds a device. Loads the module; false when that fails.
bool torch_finds_cuda();

}  // namespace hearth::engine

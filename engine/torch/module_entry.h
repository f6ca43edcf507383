// The one door between the program and libhearth_torch.so. No torch headers here: both sides
// include it.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine {

struct TorchModuleRequest {
  const Checkpoint* checkpoint = nullptr;
  const ModelSpec* spec = nullptr;
  const RunnerOptions* options = nullptr;
  const ProgressSink* progress = nullptr;
};

using TorchModuleResult = Result<std::unique_ptr<StepRunner>>;

// Both sides must have been built from the same headers; a module left over from another build
// shows here.
constexpr std::uint64_t torch_module_abi() {
  std::uint64_t abi = 1;
  for (const std::size_t size : {sizeof(Checkpoint), sizeof(ModelSpec), sizeof(RunnerOptions),
                                 sizeof(Batch), sizeof(BatchRow), sizeof(StepResult),
                                 sizeof(RowResult), sizeof(RunnerTraits), sizeof(Error)}) {
    abi = abi * 1000003 + size;
  }
  return abi;
}

// Symbols of the module, both extern "C":
//   std::uint64_t hearth_torch_module_abi();
//   bool hearth_torch_finds_cuda();
//   void hearth_make_torch_runner(const TorchModuleRequest*, TorchModuleResult*);   does not throw
inline constexpr const char* kTorchModuleAbiSymbol = "hearth_torch_module_abi";
inline constexpr const char* kTorchModuleCudaSymbol = "hearth_torch_finds_cuda";
inline constexpr const char* kTorchModuleFactorySymbol = "hearth_make_torch_runner";
using TorchModuleAbi = std::uint64_t (*)();
using TorchModuleCuda = bool (*)();
using TorchModuleFactory = void (*)(const TorchModuleRequest*, TorchModuleResult*);

}  // namespace hearth::engine

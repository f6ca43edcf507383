// The module's side of the door.
#include "engine/torch/module_entry.h"

#include <exception>

#include <torch/cuda.h>

#include "engine/checkpoint/weight_map.h"
#include "engine/torch/failure.h"
#include "engine/torch/make_runner.h"
#include "engine/torch/run_plan.h"

namespace hearth::engine {
namespace {

TorchModuleResult make_runner(const TorchModuleRequest& request) {
  const ModelSpec& spec = *request.spec;
  const auto weights = WeightMap::match(*request.checkpoint, spec);
  if (!weights) return tl::unexpected(weights.error());
  const auto plan = make_run_plan(*weights, spec, *request.options);
  if (!plan) return tl::unexpected(plan.error());

  return make_torch_runner(*request.checkpoint, *weights, spec, *plan, *request.progress);
}

}  // namespace
}  // namespace hearth::engine

extern "C" {

[[gnu::visibility("default")]] std::uint64_t hearth_torch_module_abi() {
  return hearth::engine::torch_module_abi();
}

[[gnu::visibility("default")]] bool hearth_torch_finds_cuda() {
  return torch::cuda::is_available();
}

[[gnu::visibility("default")]] void hearth_make_torch_runner(
    const hearth::engine::TorchModuleRequest* request, hearth::engine::TorchModuleResult* result) {
  try {
    *result = hearth::engine::make_runner(*request);
  } catch (const std::exception& error) {
    *result = tl::unexpected(hearth::engine::failure_of(error));
  }
}

}  // extern "C"

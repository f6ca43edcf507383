// Loads the weights to where the plan says and builds the decoder that the spec asks for.
#pragma once

#include <memory>

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/checkpoint/weight_map.h"
#include "engine/runtime/step_runner.h"
#include "engine/torch/run_plan.h"

namespace hearth::engine {

// Throws c10::Error and std::bad_alloc. The arguments are not needed afterwards.
std::unique_ptr<StepRunner> make_torch_runner(const Checkpoint& checkpoint,
                                              const WeightMap& weights, const ModelSpec& spec,
                                              const RunPlan& plan, const ProgressSink& progress);

}  // namespace hearth::engine

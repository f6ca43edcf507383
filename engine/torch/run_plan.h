// Which devices, dtypes and sizes a runner gets: the options, what the folder says and what the
// machine has, weighed once.
#pragma once

#include <cstdint>

#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/checkpoint/weight_map.h"
#include "engine/runtime/step_runner.h"
#include "engine/torch/places.h"

namespace hearth::engine {

struct RunPlan {
  Places places;
  int threads = 1;
  RunnerTraits traits;
};

// Errors: invalid_parameter, dtype_unsupported (fp16 on the CPU), engine_failed (no such device),
// out_of_memory (the weights and the smallest cache do not fit).
Result<RunPlan> make_run_plan(const WeightMap& weights, const ModelSpec& spec,
                              const RunnerOptions& options);

}  // namespace hearth::engine

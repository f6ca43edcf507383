// Some steps of known size on an idle runner, so that the cost model starts from this machine and
// this model instead of a guess. Also brings the weights and the KV cache into memory.
#pragma once

#include <functional>

#include "engine/runtime/cost_model.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine {

// Before the first request: the KV blocks it writes to must be nobody's. Takes a few times as long
// as the slowest step that it dares, about a second on the slowest machines; a step that fails ends
// it. May throw what the runner throws.
void probe_step_costs(StepRunner& runner, const std::function<double()>& now_s,
                      const std::function<void(const StepSize&, double seconds)>& observe);

}  // namespace hearth::engine

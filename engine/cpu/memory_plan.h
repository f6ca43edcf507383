// What the packed decoder may take of the machine's memory.
#pragma once

#include <cstdint>

#include "engine/base/error.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/cpu/packed_matrix.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine::cpu {

// KV blocks of `block_bytes`: as many as wanted, else every sequence at full length, as far as the
// budget goes; where nobody gives one, a quarter of what is free now that the weights are loaded.
// Errors: out_of_memory for fewer than a short conversation needs.
Result<std::int64_t> plan_blocks(const RunnerOptions& options, const RunnerTraits& traits,
                                 std::int64_t block_bytes);

// Whether the weights fit into what is free: memory is mapped without a reservation, so the kernel
// would kill the process when it runs out. Errors: out_of_memory.
Result<void> check_room(const ModelSpec& spec, WeightFormat format);

}  // namespace hearth::engine::cpu

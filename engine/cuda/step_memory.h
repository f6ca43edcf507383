// What a step reads and writes besides weights: its inputs, activations, and the KV cache. All
// taken at load, so that a step allocates nothing.
#pragma once

#include <cstdint>

#include "engine/base/error.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/cuda/device.h"
#include "engine/cuda/device_weights.h"
#include "engine/cuda/step_plan.h"

namespace hearth::engine::cuda {

// T rows each, T = PlanLimits::max_tokens.
struct StepMemory {
  Buffer inputs;         // InputLayout's integers
  Buffer pinned_inputs;  // the same on the host
  Buffer residual;       // [T, C] fp32
  Buffer normed;         // [T, padded C] activations
  Buffer qkv;            // [T, (H + 2 Hkv) · D] fp32
  Buffer queries;        // [T, H · D] fp32
  Buffer attended;       // [T, padded H · D] activations
  Buffer gate_up;        // [T, 2 I] fp32
  Buffer gated;          // [T, padded I] activations
  Buffer delta;          // [T, C] fp32, for sandwich norms
  Buffer partial;        // attention's parts
  Buffer tickets;
  Buffer widened;  // bf16 rows of an int8 matrix
  Buffer rope;     // [context, rope_half, 2]
  Buffer local_rope;
};

// As many rows of an int8 matrix as are widened at once.
constexpr int kWidenedRows = 4096;

// Zeroed memory, and the rope tables for `context` positions. Errors: out_of_memory, engine_failed.
Result<StepMemory> make_step_memory(Device& device, const ModelSpec& spec, Numbers numbers,
                                    const PlanLimits& limits, std::int64_t context);

// Keys and values of all layers: [layers][keys, values][num_blocks + 1][Hkv][Dp · 16], the last
// block for padding.
struct CacheShape {
  std::int64_t num_layers = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t padded_dim = 0;
  std::int64_t element_bytes = 2;

  std::int64_t layer_block_bytes() const {  // keys or values of one block in one layer
    return num_kv_heads * padded_dim * kBlockTokens * element_bytes;
  }
  std::int64_t block_bytes() const { return 2 * num_layers * layer_block_bytes(); }
};

// KV blocks: as many as wanted, else every sequence at full length as far as the memory goes.
// Errors: out_of_memory (less than 16).
Result<std::int64_t> blocks_for(const RunnerOptions& options, const CacheShape& shape,
                                std::int64_t context, std::int64_t available_bytes);

}  // namespace hearth::engine::cuda

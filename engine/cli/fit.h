// hearth inspect --fit: which dtypes of a model this machine can hold, and about how fast each
// would write, before anything is loaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/weight_map.h"

namespace hearth::engine {

struct FitRow {
  std::string dtype;    // as --dtype takes it
  std::string decoder;  // "packed CPU decoder", "torch"
  std::int64_t weight_bytes = 0;
  bool fits = false;           // with a tenth of the memory left over
  std::int64_t kv_tokens = 0;  // tokens of conversation that fit beside the weights; 0: no cache
  double tokens_per_s = 0.0;   // one reply: memory speed over the bytes that a token reads
};

struct MachineMemory {
  std::int64_t available_bytes = 0;
  double gb_per_s = 0.0;  // as measured; 0: unknown
};

// From the widest to the narrowest.
std::vector<FitRow> fit_rows(const ModelSpec& spec, std::uint64_t num_parameters,
                             const MachineMemory& machine);

// Asks and measures, some tenths of a second.
MachineMemory measure_memory();

// Measures, and prints the rows: a table for people, or JSON.
void print_fit(const ModelSpec& spec, std::uint64_t num_parameters, bool as_json);

}  // namespace hearth::engine

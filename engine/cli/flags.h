// Flags that mean the same in every command (DESIGN §5): sampling and engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/sampling/sampling_overrides.h"

namespace CLI {
class App;
}

namespace hearth::engine {

struct SamplingFlags {
  SamplingOverrides sampling;
  std::optional<std::int64_t> max_new_tokens;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> stop;
  bool ignore_eos = false;
};

// --max-new-tokens, --temperature (0 is greedy), --top-k, --top-p, --min-p, --repetition-penalty,
// --seed, --stop, --ignore-eos. flags must outlive app's parsing.
void add_sampling_flags(CLI::App& app, SamplingFlags& flags);

// --dtype, --kv-dtype, --device, --threads. options must outlive app's parsing.
void add_engine_flags(CLI::App& app, RunnerOptions& options);

// Prints "hearth: <sentence>" to stderr and ends the command with exit code 1, or 2 for
// ErrorCode::usage. Throws CLI::RuntimeError.
[[noreturn]] void give_up(const Error& error);

}  // namespace hearth::engine

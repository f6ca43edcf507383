#include "engine/cli/logits.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "engine/base/token_id.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/cli/flags.h"
#include "engine/cli/model_folder.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kStepTokens = 128;  // bounds the scores of one step: 78 MB at 152,000 words

struct LogitsOptions {
  std::string model;
  std::vector<TokenId> ids;
  std::string out;
  RunnerOptions runner;
};

template <class T>
T value_of(Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}

// The header of NumPy's format 1.0: magic, length, a Python dict padded so that the data begin at a
// multiple of 64.
std::string npy_header(std::int64_t rows, std::int64_t columns) {
  std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) +
                     ", " + std::to_string(columns) + "), }";
  constexpr std::size_t kPrefix = 10;
  dict += std::string(63 - (kPrefix + dict.size()) % 64, ' ') + '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xFFU);
  header += static_cast<char>(dict.size() >> 8U);
  return header + dict;
}

std::unique_ptr<StepRunner> make_runner(const LogitsOptions& options) {
  const ModelSpec spec = value_of(load_model_spec(options.model));
  const Checkpoint checkpoint = value_of(Checkpoint::open(options.model));
  RunnerOptions runner = options.runner;
  const auto length = static_cast<std::int64_t>(options.ids.size());
  runner.max_sequences = 1;
  runner.num_blocks = (length + runner.block_size - 1) / runner.block_size;
  return value_of(load_runner(checkpoint, spec, runner, {}));
}

// A runner that cannot cut a prompt gets all of it at once.
std::int64_t step_tokens(const StepRunner& runner, const LogitsOptions& options) {
  const auto length = static_cast<std::int64_t>(options.ids.size());
  return runner.traits().can_chunk ? std::min(kStepTokens, length) : length;
}

// One step; its scores stay valid until the next.
std::span<const float> scores_of(StepRunner& runner, const LogitsOptions& options,
                                 std::int64_t position, std::span<const std::int32_t> blocks) {
  const auto length = static_cast<std::int64_t>(options.ids.size());
  const std::int64_t count = std::min(step_tokens(runner, options), length - position);
  BatchRow row;
  row.position = position;
  row.prompt_length = length;
  row.tokens = std::span(options.ids)
                   .subspan(static_cast<std::size_t>(position), static_cast<std::size_t>(count));
  row.block_table = blocks;
  row.output = RowOutput::all_logits;
  const StepResult result = value_of(runner.run({{row}}));
  if (!result.rows[0].error.empty()) {
    give_up({ErrorCode::invalid_parameter, "Cannot compute: " + result.rows[0].error + "."});
  }
  return result.rows[0].values;
}

void write_logits(const LogitsOptions& options) {
  const auto runner = make_runner(options);
  for (const TokenId id : options.ids) {
    if (id >= 0 && id < runner->traits().vocab_size) continue;
    give_up({ErrorCode::invalid_parameter, "Token id " + std::to_string(id) +
                                               " is not in the vocabulary of " +
                                               std::to_string(runner->traits().vocab_size) + "."});
  }
  const auto length = static_cast<std::int64_t>(options.ids.size());
  std::vector<std::int32_t> blocks(static_cast<std::size_t>(runner->traits().num_blocks));
  std::iota(blocks.begin(), blocks.end(), 0);

  std::ofstream file(options.out, std::ios::binary | std::ios::trunc);
  file << npy_header(length, runner->traits().vocab_size);
  const std::int64_t step = step_tokens(*runner, options);
  for (std::int64_t position = 0; position < length; position += step) {
    const std::span<const float> scores = scores_of(*runner, options, position, blocks);
    file.write(reinterpret_cast<const char*>(scores.data()),
               static_cast<std::streamsize>(scores.size_bytes()));
  }
  file.close();
  if (!file) give_up({ErrorCode::io_error, "Cannot write " + options.out + "."});
}

}  // namespace

void add_logits_command(CLI::App& app) {
  auto options = std::make_shared<LogitsOptions>();
  options->runner.dtype = ComputeDtype::fp32;
  CLI::App* const command =
      app.add_subcommand("logits", "Write the scores of every position as a .npy file [T, V]");
  command->add_option("--model", options->model, "Model folder")->required();
  command->add_option("--ids", options->ids, "Token ids, separated by commas")
      ->required()
      ->delimiter(',');
  command->add_option("--out", options->out, "The .npy file to write")->required();
  add_engine_flags(*command, options->runner);
  command->callback([options] { write_logits(*options); });
}

}  // namespace hearth::engine

// A golden folder with transformers' answers, and sequences that run on a decoder without an
// engine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/token_id.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine::testing {

struct GoldenCase {
  std::string name;
  std::vector<TokenId> ids;
  std::vector<std::int64_t> positions;  // rows of logits
  std::vector<float> logits;            // [positions, V]
  double max_abs_logit = 0.0;
  std::vector<TokenId> greedy;
  std::vector<TokenId> greedy_penalised;  // repetition_penalty 1.1
};

struct GoldenModel {
  std::filesystem::path folder;
  std::int64_t vocab_size = 0;
  std::vector<GoldenCase> cases;
};

// tests/golden/models/NAME.
GoldenModel load_golden(const std::string& name);

std::filesystem::path golden_folder(const std::string& name);

// CHECKs success. fp32 on the CPU with one thread unless the options say otherwise.
std::unique_ptr<StepRunner> load_runner(const std::filesystem::path& folder,
                                        RunnerOptions options = {});

// Small options: 64 blocks and 8 slots.
RunnerOptions small_options();

// One sequence on a runner: its tokens so far and its blocks.
class Sequence {
 public:
  Sequence(std::int32_t slot, std::vector<std::int32_t> blocks)
      : slot_(slot), blocks_(std::move(blocks)) {}

  void append(std::span<const TokenId> ids) {
    tokens_.insert(tokens_.end(), ids.begin(), ids.end());
  }
  std::int64_t num_waiting() const { return static_cast<std::int64_t>(tokens_.size()) - done_; }
  const std::vector<TokenId>& tokens() const { return tokens_; }

  // The next `count` waiting tokens as a row; marks them as computed.
  BatchRow take(std::int64_t count, RowOutput output);

 private:
  std::int32_t slot_;
  std::vector<std::int32_t> blocks_;
  std::vector<TokenId> tokens_;
  std::int64_t done_ = 0;
};

// Blocks first, first + 1, … in order.
std::vector<std::int32_t> blocks_in_order(std::int32_t first, std::int32_t count);

// The first maximum, after dividing (multiplying, if negative) the scores of seen ids by the
// penalty.
TokenId greedy_token(std::span<const float> logits, std::span<const TokenId> seen, float penalty);

// Runs one row alone; EXPECTs success.
std::vector<float> run_row(StepRunner& runner, const BatchRow& row);

// Decodes `count` tokens after `prompt`, alone, in chunks of `chunk` tokens.
std::vector<TokenId> generate_greedy(StepRunner& runner, const std::vector<TokenId>& prompt,
                                     std::size_t count, float penalty, std::int64_t chunk);

}  // namespace hearth::engine::testing

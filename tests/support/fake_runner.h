// A StepRunner without a model. Its logits are a fixed function of the sequence's ids, but it
// computes them only from what it stored in its KV blocks: a wrong block table, position or slot, a
// block shared or reused too early, all change the tokens that come out.
//
// It also refuses what a real decoder could not survive: rows that share a slot, positions outside
// the block table, writes to a block that another row of the step reads, chunks or cached prefixes
// that its traits rule out.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/runtime/step_runner.h"

namespace hearth::engine::test {

// Holds a runner at the begin of its next step, so that a test can act in the middle of one. Any
// thread.
class StepGate {
 public:
  void close();                  // the next step waits
  void wait_until_step_waits();  // returns once a step is held
  void open();

  void pass();  // the runner's side

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_closed_ = false;
  bool is_waiting_ = false;
};

struct FakeRunnerOptions {
  RunnerTraits traits{.vocab_size = 32,
                      .context_length = 256,
                      .block_size = 4,
                      .num_blocks = 64,
                      .max_sequences = 8,
                      .max_batch_tokens = 64,
                      .can_chunk = true,
                      .can_cache = true,
                      .state_bytes = 0,
                      .description = "fake"};
  StepGate* gate = nullptr;  // not owned
  int num_workers = 1;
};

class FakeRunner final : public StepRunner {
 public:
  // Of the "hidden state" of a token, and the number of classes: the first of its logits.
  static constexpr std::ptrdiff_t kStateSize = 4;

  explicit FakeRunner(FakeRunnerOptions options = {});

  const RunnerTraits& traits() const override { return options_.traits; }
  Result<StepResult> run(const Batch& batch) override;
  int num_workers() const override { return options_.num_workers; }
  // Worker w has items w, w + num_workers, …, and begins with its last; all begin together.
  void each_of(std::int64_t count,
               const std::function<void(std::int64_t item, int worker)>& body) override;

  // The token a greedy request gets after `ids`; num_prompt matters only when prompts cannot be
  // cut.
  static TokenId next_token(const RunnerTraits& traits, const std::vector<TokenId>& ids,
                            std::size_t num_prompt);

  // Asked before every step with its number, from 0. The answer, when not empty, becomes that
  // failure.
  struct Faults {
    std::function<std::string(std::int64_t step)> fail_step;
    std::function<std::string(std::int64_t step)> throw_in_step;
    std::function<std::string(std::int64_t step, const BatchRow& row)> fail_row;
  };
  Faults faults;

  // Called at the end of every step that worked, e.g. to move a clock by what it cost.
  std::function<void()> after_step;

  // Overwrites a block's contents, as its next owner would.
  void poison(std::int32_t block);

  std::int64_t num_steps() const { return num_steps_; }
  std::int64_t num_tokens() const { return num_tokens_; }  // computed in all
  std::int64_t num_tokens_in_last_step() const { return num_tokens_in_last_step_; }
  std::vector<std::int64_t> row_sizes() const {
    return row_sizes_;
  }  // tokens per row of the last step
  std::int64_t num_broken_promises() const { return num_broken_promises_; }

 private:
  std::string check(const Batch& batch) const;
  std::string compute(const BatchRow& row, std::vector<float>& values);
  std::uint64_t& place(const BatchRow& row, std::int64_t position);

  FakeRunnerOptions options_;
  std::vector<std::uint64_t> keys_;         // [num_blocks · block_size]: the "KV cache"
  std::vector<std::vector<float>> logits_;  // one per row of the last step
  std::int64_t num_steps_ = 0;
  std::int64_t num_tokens_ = 0;
  std::int64_t num_tokens_in_last_step_ = 0;
  std::int64_t num_broken_promises_ = 0;
  std::vector<std::int64_t> row_sizes_;
};

}  // namespace hearth::engine::test

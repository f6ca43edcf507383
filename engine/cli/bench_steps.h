// The steps that hearth bench times: a StepRunner driven without scheduler, sampler or server.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/token_id.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine {

// Sequence s owns the blocks [s · blocks_per_sequence, …). One thread.
class BenchSteps {
 public:
  // The runner must have blocks for max_sequences sequences of context_length tokens each.
  explicit BenchSteps(StepRunner& runner);

  std::int64_t blocks_per_sequence() const { return blocks_per_sequence_; }

  // Seconds for the first `tokens` tokens of a prompt, in steps of at most max_batch_tokens; the
  // last one's logits are wanted. Errors: those of the runner.
  Result<double> prefill(std::int64_t tokens);

  // Seconds of one step in which `batch` sequences of `context` tokens get one more each.
  Result<double> decode(std::int64_t batch, std::int64_t context);

  // Makes the KV memory of the first `batch` sequences up to `context` real: untouched memory reads
  // as the kernel's one page of zeros, which is always in the cache.
  Result<void> touch(std::int64_t batch, std::int64_t context);

  // FNV-1a over the bits of the logits after a fixed prompt: the same on every run of one decoder.
  Result<std::string> logits_hash();

 private:
  BatchRow row(std::int64_t sequence, std::int64_t position, std::int64_t tokens) const;

  StepRunner& runner_;
  std::int64_t blocks_per_sequence_ = 0;
  std::vector<TokenId> ids_;  // any text of a whole context
  std::vector<std::vector<std::int32_t>> block_tables_;
};

}  // namespace hearth::engine

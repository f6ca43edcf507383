// The seam between scheduling and mathematics: one ragged step for the whole batch.
// Implemented by torch/ and cpu/ (and by a fake in tests); used by the engine loop alone.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/token_id.h"

namespace hearth::engine {

enum class RowOutput : std::uint8_t { none, logits, all_logits, hidden, all_hidden, class_scores };

// One sequence's part of a step: `tokens` continue the sequence at `position`. A decode has one
// token, a prefill chunk several.
struct BatchRow {
  std::int32_t slot =
      0;  // which sequence, 0 ≤ slot < max_sequences; a runner may keep state by slot
  std::int64_t position = 0;  // of tokens[0] in the sequence; tokens before it are in the KV cache
  std::int64_t prompt_length = 0;   // of the whole prompt (2-D positions of ChatGLM-1 need it)
  std::span<const TokenId> tokens;  // not empty; valid during run()
  std::span<const std::int32_t>
      block_table;  // KV blocks of the sequence in order, covering position + tokens.size()
  RowOutput output = RowOutput::none;
  std::span<const std::int32_t> token_types =
      {};  // BERT: 1 in the second of two texts; empty: all 0
};

struct Batch {
  std::vector<BatchRow> rows;  // distinct slots
};

// One per batch row, in order. Valid until the next run().
struct RowResult {
  std::span<const float> values;  // logits: [V] of the last token; all_logits: [T, V]; hidden: [C];
                                  // all_hidden: [T, C]; class_scores: [labels]; none: empty
  std::string error;  // not empty: this row failed and the others did not (out of memory, NaN)
};

struct StepResult {
  std::vector<RowResult> rows;
};

// What a decoder can do, and what the engine must plan with. Constant after construction.
struct RunnerTraits {
  std::int64_t vocab_size = 0;
  std::int64_t context_length = 0;    // longest prompt + reply
  std::int64_t block_size = 16;       // tokens in a KV block
  std::int64_t num_blocks = 0;        // KV blocks in all
  std::int32_t max_sequences = 0;     // slots
  std::int64_t max_batch_tokens = 0;  // most tokens in one step
  bool can_chunk = true;              // false: a prompt is one chunk (ChatGLM-1)
  bool can_cache = true;              // false: no prefix reuse
  std::int64_t state_bytes =
      0;  // per sequence besides KV (Yuan2's filter), kept by the runner at block boundaries
  std::string description;  // for the start-up line: decoder, device, dtype, instruction set
};

// Owned by the engine; every call comes from the engine thread.
class StepRunner {
 public:
  virtual ~StepRunner() = default;

  virtual const RunnerTraits& traits() const = 0;

  // Computes one step. A failure of one row is in its RowResult; a Result error means that the
  // whole step failed and no row advanced. Must not throw.
  virtual Result<StepResult> run(const Batch& batch) = 0;

  // Between steps the decoder's threads are free for what else a step costs: each_of calls
  // body(item, worker) once for each item in [0, count), on any of num_workers() threads, worker
  // their number, and returns when all are done. body must not throw.
  virtual int num_workers() const { return 1; }
  virtual void each_of(std::int64_t count,
                       const std::function<void(std::int64_t item, int worker)>& body) {
    for (std::int64_t item = 0; item < count; ++item) body(item, 0);
  }
};

}  // namespace hearth::engine

// What one step of CudaDecoder computes, as sizes and as one block of integers that is copied to
// the device. Pure functions: no device here.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "engine/cuda/kernels/arguments.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine::cuda {

// All that the launches of a step depend on: steps of one shape are one recorded graph.
struct StepShape {
  int num_tokens = 0;  // with padding
  int num_rows = 0;
  int num_items = 0;  // of attention, for each key/value head
  int queries_per_item = 1;
  int num_splits = 1;
  int table_stride = 0;  // KV blocks of the longest row, rounded up
  int num_logits = 0;    // tokens whose logits are wanted, then those whose hidden state is
  int num_hidden = 0;

  int num_outputs() const { return num_logits + num_hidden; }
  auto operator<=>(const StepShape&) const = default;
};

// Where a batch row's results stand among the outputs.
struct Wanted {
  int first = 0;
  int count = 0;
};

struct StepPlan {
  StepShape shape;
  int num_tokens = 0;          // without padding
  int num_real_outputs = 0;    // those come first
  bool is_decode = false;      // one token and its logits for every row: worth recording
  std::vector<Wanted> wanted;  // for each batch row
};

// Constant for a decoder.
struct PlanLimits {
  int group = 1;  // query heads of a key/value head
  int num_kv_heads = 1;
  int num_processors = 1;
  int max_tokens = 0;
  int max_rows = 0;
  int padding_block = 0;  // the KV block that padding writes to
  int split_below = 2;    // items for each processor, from which on keys are not shared out
};

// Decodes are padded to the next of a few sizes, so that few graphs serve all.
StepPlan plan_step(const Batch& batch, const PlanLimits& limits);

// Offsets into the block of integers, for a shape.
struct InputLayout {
  explicit InputLayout(const StepShape& shape);

  std::size_t ids;
  std::size_t positions;
  std::size_t token_rows;
  std::size_t rows;     // RowSpan each
  std::size_t items;    // AttentionItem each
  std::size_t sources;  // of the outputs, rows of the residual stream
  std::size_t tables;   // [num_rows, table_stride]
  std::size_t size;
};

// The most integers that any step within the limits needs; context_blocks: of one row.
std::size_t most_inputs(const PlanLimits& limits, int context_blocks);

// Writes InputLayout(plan.shape).size integers.
void write_inputs(const Batch& batch, const StepPlan& plan, const PlanLimits& limits,
                  std::int32_t* out);

}  // namespace hearth::engine::cuda

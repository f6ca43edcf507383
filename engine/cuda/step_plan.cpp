#include "engine/cuda/step_plan.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "engine/base/check.h"

namespace hearth::engine::cuda {
namespace {

constexpr int kMaxQueries = 8;  // of an attention item
constexpr int kBlocksPerChunk = kChunkTokens / kBlockTokens;

int power_of_two(int n) { return static_cast<int>(std::bit_ceil(static_cast<unsigned>(n))); }

// 1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, then steps of 64.
int padded_rows(int rows) {
  if (rows <= 16) return power_of_two(rows);
  const int step = rows <= 32 ? 8 : rows <= 64 ? 16 : rows <= 128 ? 32 : 64;
  return (rows + step - 1) / step * step;
}

int queries_of(const BatchRow& row, const PlanLimits& limits) {
  return static_cast<int>(row.tokens.size()) * limits.group;
}

int items_of(int queries, int per_item) { return (queries + per_item - 1) / per_item; }

void want_outputs(const Batch& batch, StepPlan& plan) {
  plan.wanted.resize(batch.rows.size());
  const auto collect = [&](bool for_logits) {
    int count = 0;
    for (std::size_t r = 0; r < batch.rows.size(); ++r) {
      const RowOutput output = batch.rows[r].output;
      const bool is_logits = output == RowOutput::logits || output == RowOutput::all_logits;
      if (output == RowOutput::none || is_logits != for_logits) continue;
      const bool is_all = output == RowOutput::all_logits || output == RowOutput::all_hidden;
      const int tokens = is_all ? static_cast<int>(batch.rows[r].tokens.size()) : 1;
      plan.wanted[r] = {plan.num_real_outputs, tokens};
      plan.num_real_outputs += tokens;
      count += tokens;
    }
    return count;
  };
  plan.shape.num_logits = collect(true);
  plan.shape.num_hidden = collect(false);
}

}  // namespace

StepPlan plan_step(const Batch& batch, const PlanLimits& limits) {
  StepPlan plan;
  StepShape& shape = plan.shape;
  want_outputs(batch, plan);
  std::int64_t longest = 1;
  plan.is_decode = true;
  for (const BatchRow& row : batch.rows) {
    const auto tokens = static_cast<std::int64_t>(row.tokens.size());
    plan.num_tokens += static_cast<int>(tokens);
    longest = std::max(longest, row.position + tokens);
    plan.is_decode = plan.is_decode && tokens == 1 && row.output == RowOutput::logits;
  }
  shape.num_rows = static_cast<int>(batch.rows.size());
  shape.num_tokens = plan.num_tokens;
  const int padded = padded_rows(std::max(shape.num_rows, 1));
  if (plan.is_decode && padded <= limits.max_rows && padded <= limits.max_tokens) {
    shape.num_rows = shape.num_tokens = shape.num_logits = padded;
  }
  const bool has_prompt = plan.num_tokens > static_cast<int>(batch.rows.size());
  shape.queries_per_item =
      std::min(kMaxQueries, has_prompt ? kMaxQueries : power_of_two(limits.group));
  for (const BatchRow& row : batch.rows)
    shape.num_items += items_of(queries_of(row, limits), shape.queries_per_item);
  shape.num_items += (shape.num_rows - static_cast<int>(batch.rows.size())) *
                     items_of(limits.group, shape.queries_per_item);
  const int chunks = power_of_two(static_cast<int>((longest + kChunkTokens - 1) / kChunkTokens));
  shape.table_stride = chunks * kBlocksPerChunk;
  const bool is_full =
      shape.num_items * limits.num_kv_heads >= limits.split_below * limits.num_processors;
  shape.num_splits = is_full ? 1 : std::min(kMaxSplits, chunks);
  return plan;
}

InputLayout::InputLayout(const StepShape& shape) {
  size = 0;
  const auto take = [this](int count) {
    const std::size_t at = size;
    size += static_cast<std::size_t>(count);
    return at;
  };
  ids = take(shape.num_tokens);
  positions = take(shape.num_tokens);
  token_rows = take(shape.num_tokens);
  rows = take(shape.num_rows * 3);
  items = take(shape.num_items * 2);
  sources = take(shape.num_outputs());
  tables = take(shape.num_rows * shape.table_stride);
}

std::size_t most_inputs(const PlanLimits& limits, int context_blocks) {
  StepShape most;
  most.num_tokens = limits.max_tokens;
  most.num_rows = limits.max_rows;
  most.num_items = limits.max_tokens * limits.group;
  most.num_logits = limits.max_tokens;
  most.table_stride =
      power_of_two((context_blocks + kBlocksPerChunk - 1) / kBlocksPerChunk) * kBlocksPerChunk;
  return InputLayout(most).size;
}

namespace {

void write_row(const BatchRow& row, int r, const StepPlan& plan, const InputLayout& at, int first,
               std::int32_t* out) {
  const auto count = static_cast<int>(row.tokens.size());
  for (int t = 0; t < count; ++t) {
    const auto i = static_cast<std::size_t>(first + t);
    out[at.ids + i] = row.tokens[static_cast<std::size_t>(t)];
    out[at.positions + i] = static_cast<std::int32_t>(row.position) + t;
    out[at.token_rows + i] = r;
  }
  std::int32_t* const span = out + at.rows + static_cast<std::size_t>(r) * 3;
  span[0] = first;
  span[1] = count;
  span[2] = static_cast<std::int32_t>(row.position);
  const Wanted wanted = plan.wanted[static_cast<std::size_t>(r)];
  for (int i = 0; i < wanted.count; ++i)
    out[at.sources + static_cast<std::size_t>(wanted.first + i)] = first + count - wanted.count + i;
  const std::size_t needed =
      (static_cast<std::size_t>(row.position) + row.tokens.size() + kBlockTokens - 1) /
      kBlockTokens;
  const auto stride = static_cast<std::size_t>(plan.shape.table_stride);
  CHECK(needed <= stride);
  std::copy_n(row.block_table.begin(), needed,
              out + at.tables + static_cast<std::size_t>(r) * stride);
}

// A token of nobody's, at the beginning of the padding block.
void write_padding(int r, const StepPlan& plan, const PlanLimits& limits, const InputLayout& at,
                   std::int32_t* out) {
  const auto i = static_cast<std::size_t>(r);
  out[at.ids + i] = 0;
  out[at.positions + i] = 0;
  out[at.token_rows + i] = r;
  std::int32_t* const span = out + at.rows + i * 3;
  span[0] = r;
  span[1] = 1;
  span[2] = 0;
  out[at.sources + i] = r;
  out[at.tables + i * static_cast<std::size_t>(plan.shape.table_stride)] = limits.padding_block;
}

}  // namespace

void write_inputs(const Batch& batch, const StepPlan& plan, const PlanLimits& limits,
                  std::int32_t* out) {
  const InputLayout at(plan.shape);
  const auto num_rows = static_cast<int>(batch.rows.size());
  std::int32_t* item = out + at.items;
  const auto write_items = [&](int r, int queries) {
    for (int q = 0; q < queries; q += plan.shape.queries_per_item) {
      *item++ = r;
      *item++ = q;
    }
  };
  int first = 0;
  for (int r = 0; r < num_rows; ++r) {
    const BatchRow& row = batch.rows[static_cast<std::size_t>(r)];
    write_row(row, r, plan, at, first, out);
    write_items(r, queries_of(row, limits));
    first += static_cast<int>(row.tokens.size());
  }
  for (int r = num_rows; r < plan.shape.num_rows; ++r) {
    write_padding(r, plan, limits, at, out);
    write_items(r, limits.group);
  }
  CHECK(item == out + at.items + static_cast<std::size_t>(plan.shape.num_items) * 2);
}

}  // namespace hearth::engine::cuda

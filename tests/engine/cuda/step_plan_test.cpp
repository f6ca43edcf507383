// What a batch becomes before it goes to the device.
#include "engine/cuda/step_plan.h"

#include <gtest/gtest.h>

namespace hearth::engine::cuda {
namespace {

const PlanLimits kLimits = {.group = 3,
                            .num_kv_heads = 2,
                            .num_processors = 4,
                            .max_tokens = 256,
                            .max_rows = 64,
                            .padding_block = 99};
const std::vector<TokenId> kIds = {5, 6, 7, 8};
const std::vector<std::int32_t> kBlocks = {40, 41, 42, 43, 44, 45, 46, 47, 48,
                                           49, 50, 51, 52, 53, 54, 55, 56, 57};

BatchRow row_of(std::size_t tokens, std::int64_t position, RowOutput output) {
  BatchRow row;
  row.position = position;
  row.tokens = std::span(kIds).first(tokens);
  row.block_table = kBlocks;
  row.output = output;
  return row;
}

Batch decodes(std::size_t count, std::int64_t position) {
  Batch batch;
  for (std::size_t i = 0; i < count; ++i)
    batch.rows.push_back(row_of(1, position, RowOutput::logits));
  return batch;
}

TEST(StepPlan, DecodesArePaddedToAFewSizes) {
  for (const auto& [rows, padded] :
       {std::pair<std::size_t, int>{1, 1}, {2, 2}, {3, 4}, {9, 16}, {17, 24}, {33, 48}, {64, 64}}) {
    const StepPlan plan = plan_step(decodes(rows, 3), kLimits);
    EXPECT_TRUE(plan.is_decode);
    EXPECT_EQ(plan.shape.num_rows, padded) << rows;
    EXPECT_EQ(plan.shape.num_logits, padded);
    EXPECT_EQ(plan.num_real_outputs, static_cast<int>(rows));
    EXPECT_EQ(plan.shape.num_items, padded);  // three queries are one item of four
    EXPECT_EQ(plan.shape.queries_per_item, 4);
  }
}

TEST(StepPlan, DecodesOfNearbyLengthsAreOneShape) {
  EXPECT_EQ(plan_step(decodes(3, 3), kLimits).shape, plan_step(decodes(4, 200), kLimits).shape);
  EXPECT_NE(plan_step(decodes(3, 3), kLimits).shape, plan_step(decodes(3, 270), kLimits).shape);
}

TEST(StepPlan, KeysAreSharedOutWhileItemsAreFew) {
  EXPECT_EQ(plan_step(decodes(1, 270), kLimits).shape.num_splits, 2);  // two chunks
  EXPECT_EQ(plan_step(decodes(1, 3), kLimits).shape.num_splits, 1);
  EXPECT_EQ(plan_step(decodes(4, 270), kLimits).shape.num_splits, 1);  // 8 items for 4 processors
}

TEST(StepPlan, OutputsStandWithLogitsFirst) {
  const Batch batch = {{row_of(2, 0, RowOutput::all_hidden), row_of(4, 8, RowOutput::all_logits),
                        row_of(3, 0, RowOutput::none), row_of(1, 5, RowOutput::logits)}};
  const StepPlan plan = plan_step(batch, kLimits);
  EXPECT_FALSE(plan.is_decode);
  EXPECT_EQ(plan.shape.num_tokens, 10);
  EXPECT_EQ(plan.shape.num_logits, 5);
  EXPECT_EQ(plan.shape.num_hidden, 2);
  EXPECT_EQ(plan.shape.queries_per_item, 8);
  EXPECT_EQ(plan.shape.num_items, 1 + 2 + 2 + 1);
  std::vector<std::int32_t> inputs(InputLayout(plan.shape).size);
  write_inputs(batch, plan, kLimits, inputs.data());
  const InputLayout at(plan.shape);
  const auto slice = [&](std::size_t from, std::size_t count) {
    return std::vector<std::int32_t>(inputs.begin() + static_cast<std::ptrdiff_t>(from),
                                     inputs.begin() + static_cast<std::ptrdiff_t>(from + count));
  };
  using Ints = std::vector<std::int32_t>;
  EXPECT_EQ(slice(at.ids, 10), (Ints{5, 6, 5, 6, 7, 8, 5, 6, 7, 5}));
  EXPECT_EQ(slice(at.positions, 10), (Ints{0, 1, 8, 9, 10, 11, 0, 1, 2, 5}));
  EXPECT_EQ(slice(at.token_rows, 10), (Ints{0, 0, 1, 1, 1, 1, 2, 2, 2, 3}));
  EXPECT_EQ(slice(at.rows, 12), (Ints{0, 2, 0, 2, 4, 8, 6, 3, 0, 9, 1, 5}));
  EXPECT_EQ(slice(at.items, 12), (Ints{0, 0, 1, 0, 1, 8, 2, 0, 2, 8, 3, 0}));
  EXPECT_EQ(slice(at.sources, 7), (Ints{2, 3, 4, 5, 9, 0, 1}));
  EXPECT_EQ(slice(at.tables, 2), (Ints{40, 0}));
}

TEST(StepPlan, PaddingWritesToItsOwnBlock) {
  const Batch batch = decodes(3, 17);
  const StepPlan plan = plan_step(batch, kLimits);
  std::vector<std::int32_t> inputs(InputLayout(plan.shape).size, -1);
  write_inputs(batch, plan, kLimits, inputs.data());
  const InputLayout at(plan.shape);
  EXPECT_EQ(inputs[at.tables + 3 * static_cast<std::size_t>(plan.shape.table_stride)], 99);
  EXPECT_EQ(inputs[at.positions + 3], 0);
  EXPECT_EQ(inputs[at.sources + 3], 3);
}

TEST(StepPlan, TheMostInputsHoldAnyStepWithinTheLimits) {
  const std::size_t most = most_inputs(kLimits, 18);
  EXPECT_GE(most, InputLayout(plan_step(decodes(64, 270), kLimits).shape).size);
  Batch prompts;
  for (int i = 0; i < 64; ++i) prompts.rows.push_back(row_of(4, 270, RowOutput::all_logits));
  EXPECT_GE(most, InputLayout(plan_step(prompts, kLimits).shape).size);
}

}  // namespace
}  // namespace hearth::engine::cuda

#include "engine/cpu/memory_plan.h"

#include <string>

#include <gtest/gtest.h>

#include "engine/base/memory.h"

namespace hearth::engine::cpu {
namespace {

constexpr std::int64_t kBlockBytes = 1000;

RunnerTraits four_people_with_a_thousand_tokens() {
  RunnerTraits traits;
  traits.context_length = 1000;  // 63 blocks of 16
  traits.max_sequences = 4;
  return traits;
}

Result<std::int64_t> blocks(std::int64_t num_blocks, std::int64_t kv_cache_bytes) {
  RunnerOptions options;
  options.num_blocks = num_blocks;
  options.kv_cache_bytes = kv_cache_bytes;
  return plan_blocks(options, four_people_with_a_thousand_tokens(), kBlockBytes);
}

TEST(MemoryPlan, ACountOfBlocksIsTakenAsItIs) { EXPECT_EQ(blocks(3, 17 * kBlockBytes), 3); }

TEST(MemoryPlan, ABudgetBuysWholeBlocksUpToEverybodysFullLength) {
  EXPECT_EQ(blocks(0, 100 * kBlockBytes - 1), 99);
  EXPECT_EQ(blocks(0, 252 * kBlockBytes), 252);
  EXPECT_EQ(blocks(0, 1'000'000 * kBlockBytes), 252);
}

TEST(MemoryPlan, ABudgetForLessThanAShortConversationIsRefused) {
  EXPECT_EQ(blocks(0, 16 * kBlockBytes), 16);
  const Result<std::int64_t> none = blocks(0, 16 * kBlockBytes - 1);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::out_of_memory);
  EXPECT_NE(none.error().detail.find("conversation of 256 tokens"), std::string::npos);
}

TEST(MemoryPlan, WeightsThatDoNotFitAreRefusedBeforeTheyAreRead) {
  ModelSpec spec;
  spec.vocab_size = 1;
  spec.num_heads = spec.num_kv_heads = spec.head_dim = 1;
  spec.hidden_size = 32;
  spec.intermediate_size = 32;
  EXPECT_TRUE(check_room(spec, WeightFormat::int8));
  spec.vocab_size = available_memory() / 32 + 1'000'000'000;
  const Result<void> room = check_room(spec, WeightFormat::int8);
  ASSERT_FALSE(room);
  EXPECT_EQ(room.error().code, ErrorCode::out_of_memory);
}

}  // namespace
}  // namespace hearth::engine::cpu

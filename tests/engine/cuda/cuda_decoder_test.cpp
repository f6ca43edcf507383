// CudaDecoder, its kernels run on the host, against transformers' numbers and against itself.
// Reference data: tests/golden/models, made by tests/golden/generators/make_models.py,
// make_glm_yuan.py and make_gemma_longrope.py.
#include "engine/cuda/cuda_decoder.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "engine/cuda/host_device.h"
#include "engine/cuda/step_memory.h"
#include "tests/engine/cuda/golden_decoder.h"

namespace hearth::engine::cuda {
namespace {

using testing::all_logits;
using testing::blocks_from;
using testing::GoldenCase;
using testing::GoldenFolder;
using testing::greedy_together;
using testing::load_decoder;
using testing::load_golden;
using testing::small_options;
using testing::worst_error;

// As TorchDecoder's: eager and fused attention of transformers itself differ by 2e-6.
constexpr double kFp32Tolerance = 2e-5;

std::unique_ptr<StepRunner> host_decoder(const GoldenFolder& golden, ComputeDtype dtype,
                                         const HostDevice::Options& host = {}) {
  return load_decoder(golden, std::make_unique<HostDevice>(host), small_options(dtype));
}

class EveryFamily : public ::testing::TestWithParam<std::string> {
 protected:
  const GoldenFolder golden_ = load_golden(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Folders, EveryFamily, testing::kFolders,
                         [](const auto& test) { return testing::test_name(test.param); });

TEST_P(EveryFamily, LogitsInFp32AreTheReferences) {
  const auto decoder = host_decoder(golden_, ComputeDtype::fp32);
  for (const GoldenCase& c : golden_.cases)
    EXPECT_LT(worst_error(golden_, c, all_logits(*decoder, c.ids, 512)), kFp32Tolerance);
}

// Five tokens at a time: the products for few tokens instead of the matrices'.
TEST_P(EveryFamily, LogitsInFp32AreTheReferencesInSmallPieces) {
  const auto decoder = host_decoder(golden_, ComputeDtype::fp32);
  const GoldenCase& c = golden_.cases.front();
  EXPECT_LT(worst_error(golden_, c, all_logits(*decoder, c.ids, 5)), kFp32Tolerance);
  EXPECT_LT(worst_error(golden_, c, all_logits(*decoder, c.ids, 1, 40)), kFp32Tolerance);
}

// bf16 keeps 8 bits. transformers' own bf16 run differs from its fp32 run by up to 4.6 % of the
// largest logit on these folders, whose random weights are wide on purpose.
TEST_P(EveryFamily, LogitsInBf16AreWithinItsRounding) {
  const auto decoder = host_decoder(golden_, ComputeDtype::bf16);
  const GoldenCase& c = golden_.cases.front();
  EXPECT_LT(worst_error(golden_, c, all_logits(*decoder, c.ids, 512)), 0.1);
  EXPECT_LT(worst_error(golden_, c, all_logits(*decoder, c.ids, 3, 40)), 0.1);
}

// Those whose reference has replies.
class Repliers : public EveryFamily {};

INSTANTIATE_TEST_SUITE_P(Folders, Repliers,
                         ::testing::Values("chatglm2-tiny", "chatglm3-tiny", "gemma2",
                                           "llama-linear", "llama3-gqa", "mistral", "phi3",
                                           "qwen2-sharded", "qwen2-tied", "qwen2-window",
                                           "qwen2-yarn", "qwen3", "vicuna-bin"),
                         [](const auto& test) { return testing::test_name(test.param); });

TEST_P(Repliers, GreedyIdsAreTransformersAloneAndTogether) {
  std::vector<std::vector<TokenId>> prompts;
  std::vector<std::vector<TokenId>> expected;
  for (const GoldenCase& c : golden_.cases) {
    prompts.push_back(c.ids);
    expected.emplace_back(c.greedy.begin(), c.greedy.begin() + 24);
  }
  const auto decoder = host_decoder(golden_, ComputeDtype::fp32);
  EXPECT_EQ(greedy_together(*decoder, {prompts[0]}, 24)[0], expected[0]);
  EXPECT_EQ(greedy_together(*decoder, prompts, 24), expected);
}

class Golden : public EveryFamily {};

INSTANTIATE_TEST_SUITE_P(Folders, Golden, ::testing::Values("qwen2-tied", "llama3-gqa"),
                         [](const auto& test) { return testing::test_name(test.param); });

TEST_P(Golden, LogitsInFp16AndInt8AreWithinTheirRounding) {
  const GoldenCase& c = golden_.cases.front();
  const auto half = host_decoder(golden_, ComputeDtype::fp16);
  EXPECT_LT(worst_error(golden_, c, all_logits(*half, c.ids, 512)), 0.02);
  const auto bytes = host_decoder(golden_, ComputeDtype::int8);
  EXPECT_LT(worst_error(golden_, c, all_logits(*bytes, c.ids, 512)), 0.15);
  EXPECT_LT(worst_error(golden_, c, all_logits(*bytes, c.ids, 2, 40)), 0.15);
}

// On a device blocks and threads run in any order.
TEST_P(Golden, LogitsAreTheSameBitsInAnyOrderOfBlocksAndThreads) {
  const std::vector<TokenId>& ids = golden_.cases.back().ids;
  for (const std::size_t chunk : {std::size_t{512}, std::size_t{6}}) {
    const auto forwards = host_decoder(golden_, ComputeDtype::bf16);
    const auto backwards =
        host_decoder(golden_, ComputeDtype::bf16, {.order = HostOrder::backwards});
    EXPECT_EQ(all_logits(*forwards, ids, chunk), all_logits(*backwards, ids, chunk));
  }
}

// The keys of one sequence shared out among blocks, and not: 300 tokens are two chunks.
TEST_P(Golden, LogitsAreTheSameBitsHoweverKeysAreSharedOut) {
  std::vector<TokenId> ids;
  while (ids.size() < 300) ids.push_back(golden_.cases.back().ids[ids.size() * 7 % 97]);
  const auto last_logits = [&](int num_processors) {
    const auto decoder =
        host_decoder(golden_, ComputeDtype::bf16, {.num_processors = num_processors});
    const std::vector<std::int32_t> blocks = blocks_from(0, ids.size());
    BatchRow row;
    row.block_table = blocks;
    row.tokens = std::span(ids).first(299);
    EXPECT_TRUE(decoder->run({{row}}));
    row.position = 299;
    row.tokens = std::span(ids).last(1);
    row.output = RowOutput::logits;
    const auto result = decoder->run({{row}});
    EXPECT_TRUE(result);
    return std::vector<float>(result->rows[0].values.begin(), result->rows[0].values.end());
  };
  // With one processor every item keeps its keys; with a thousand they are shared out.
  EXPECT_EQ(last_logits(1), last_logits(1000));
}

struct Counted {
  HostDevice* device;  // the decoder's
  std::unique_ptr<StepRunner> decoder;
};

Counted counted(const GoldenFolder& golden, bool records_steps) {
  auto device = std::make_unique<HostDevice>();
  HostDevice* const host = device.get();
  CudaDecoderOptions options = small_options(ComputeDtype::bf16);
  options.records_steps = records_steps;
  return {host, load_decoder(golden, std::move(device), options)};
}

TEST_P(Golden, RecordedStepsGiveTheSameReplies) {
  std::vector<std::vector<TokenId>> prompts;
  for (const GoldenCase& c : golden_.cases) prompts.push_back(c.ids);
  const Counted recorded = counted(golden_, true);
  const Counted launched = counted(golden_, false);
  EXPECT_EQ(greedy_together(*recorded.decoder, prompts, 24),
            greedy_together(*launched.decoder, prompts, 24));
  EXPECT_EQ(launched.device->counts().replays, 0);
  // 23 decodes of one shape: launched, recorded, then replayed.
  EXPECT_EQ(recorded.device->counts().captures, 1);
  EXPECT_EQ(recorded.device->counts().replays, 22);
}

TEST_P(Golden, AStepIsOneCopyEachWayAndAllocatesNothing) {
  const Counted counted_ = counted(golden_, true);
  const HostDevice::Counts before = counted_.device->counts();
  greedy_together(*counted_.decoder, {golden_.cases[0].ids, golden_.cases[1].ids}, 8);
  const HostDevice::Counts after = counted_.device->counts();
  EXPECT_EQ(after.uploads - before.uploads, 8);
  EXPECT_EQ(after.downloads - before.downloads, 8);
  EXPECT_EQ(after.allocations - before.allocations, 0);
}

// Embedding, five kernels a layer, norm and head.
TEST_P(Golden, AStepOfOneTokenIsFiveKernelsALayer) {
  const Counted counted_ = counted(golden_, false);
  const std::int64_t before = counted_.device->counts().kernels;
  all_logits(*counted_.decoder, {1}, 1);
  EXPECT_EQ(counted_.device->counts().kernels - before, 3 + 5 * golden_.spec.num_layers);
}

BatchRow row_of(const std::vector<TokenId>& ids, const std::vector<std::int32_t>& blocks,
                std::int32_t slot, RowOutput output) {
  BatchRow row;
  row.slot = slot;
  row.tokens = ids;
  row.block_table = blocks;
  row.output = output;
  return row;
}

TEST_P(Golden, ARowThatTheMemoryDoesNotHoldFailsAloneAndLaterRowsRun) {
  const Counted counted_ = counted(golden_, true);
  const std::vector<TokenId>& ids = golden_.cases.back().ids;
  const std::vector<std::int32_t> some = blocks_from(0, ids.size());
  const std::vector<std::int32_t> others = blocks_from(40, ids.size());
  const std::vector<float> alone = all_logits(*counted_.decoder, {1, 2, 3}, 512, 60);
  counted_.device->set_memory(0);  // nothing more
  const std::vector<TokenId> three = {1, 2, 3};
  const auto result = counted_.decoder->run(
      {{row_of(ids, some, 0, RowOutput::all_logits), row_of(three, others, 1, RowOutput::logits)}});
  ASSERT_TRUE(result);
  EXPECT_NE(result->rows[0].error.find("no memory"), std::string::npos) << result->rows[0].error;
  EXPECT_EQ(result->rows[1].error, "");
  EXPECT_EQ(result->rows[1].values.size(), static_cast<std::size_t>(golden_.spec.vocab_size));
  EXPECT_EQ(all_logits(*counted_.decoder, three, 512, 60), alone);
}

TEST_P(Golden, ARowThatCannotRunFailsAlone) {
  const auto decoder = host_decoder(golden_, ComputeDtype::bf16);
  const std::vector<TokenId> good = {1, 2, 3};
  const std::vector<TokenId> unknown = {1, static_cast<TokenId>(golden_.spec.vocab_size)};
  const std::vector<std::int32_t> blocks = {0};
  const std::vector<std::int32_t> no_block = {96};
  const auto result = decoder->run(
      {{row_of(unknown, blocks, 0, RowOutput::logits), row_of(good, blocks, 1, RowOutput::hidden),
        row_of(good, no_block, 2, RowOutput::logits),
        row_of(good, blocks, 3, RowOutput::class_scores)}});
  ASSERT_TRUE(result);
  EXPECT_NE(result->rows[0].error, "");
  EXPECT_EQ(result->rows[1].error, "");
  EXPECT_EQ(result->rows[1].values.size(), static_cast<std::size_t>(golden_.spec.hidden_size));
  EXPECT_NE(result->rows[2].error, "");
  EXPECT_NE(result->rows[3].error, "");
}

TEST(CudaDecoder, ADeviceTooSmallForTheWeightsIsNamedWithWhatItLacks) {
  const GoldenFolder golden = load_golden("qwen2-tied");
  const auto checkpoint = Checkpoint::open(golden.path);
  const auto decoder =
      load_cuda_decoder(std::make_unique<HostDevice>(HostDevice::Options{.memory_bytes = 50'000}),
                        *checkpoint, golden.spec, small_options(ComputeDtype::bf16), {});
  ASSERT_FALSE(decoder);
  EXPECT_EQ(decoder.error().code, ErrorCode::out_of_memory);
  EXPECT_NE(decoder.error().detail.find("the host has"), std::string::npos)
      << decoder.error().detail;
}

// A block for each block's worth of memory, until everybody has their full length.
TEST(CudaDecoder, TheCacheTakesWhatTheReserveLeaves) {
  const GoldenFolder golden = load_golden("qwen2-tied");
  constexpr std::int64_t kPlenty = std::int64_t{1} << 40;
  constexpr std::int64_t kReserve = 1 << 20;
  std::int64_t used = 0;
  const auto traits_with = [&](std::int64_t num_blocks, std::int64_t memory, std::int64_t reserve) {
    CudaDecoderOptions options = small_options(ComputeDtype::bf16);
    options.runner.num_blocks = num_blocks;
    options.reserve_bytes = reserve;
    auto device = std::make_unique<HostDevice>(HostDevice::Options{.memory_bytes = memory});
    const HostDevice& host = *device;
    const auto decoder = load_decoder(golden, std::move(device), options);
    used = memory - host.free_bytes();
    return decoder->traits();
  };
  const RunnerTraits most = traits_with(0, kPlenty, kReserve);
  EXPECT_EQ(most.num_blocks, most.context_length / 16 * most.max_sequences);
  traits_with(16, kPlenty, kReserve);
  const std::int64_t memory = used + kReserve;
  const CacheShape shape{golden.spec.num_layers, golden.spec.num_kv_heads, golden.spec.head_dim};
  const std::int64_t few = traits_with(0, memory, kReserve).num_blocks;
  EXPECT_GE(few, 16);
  EXPECT_EQ(traits_with(0, memory + 10 * shape.block_bytes(), kReserve).num_blocks, few + 10);
  EXPECT_EQ(traits_with(0, memory + kReserve, 2 * kReserve).num_blocks, few);
}

TEST(CudaDecoder, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(can_run(*load_model_spec(std::string(HEARTH_GOLDEN) + "/models/bert-cls"), {}));
  EXPECT_FALSE(can_run(*load_model_spec(std::string(HEARTH_GOLDEN) + "/models/yuan2-tiny"), {}));
  RunnerOptions int4;
  int4.dtype = ComputeDtype::int4;
  const ModelSpec known = *load_model_spec(std::string(HEARTH_GOLDEN) + "/models/qwen2-tied");
  EXPECT_TRUE(can_run(known, {}));
  EXPECT_FALSE(can_run(known, int4));
}

}  // namespace
}  // namespace hearth::engine::cuda

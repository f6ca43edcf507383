// CpuDecoder against transformers' numbers, and against itself: the same bits alone, batched,
// chunked and from shuffled blocks (P9). Reference data: tests/golden/models, made by
// tests/golden/generators/make_models.py.
#include "engine/cpu/cpu_decoder.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "engine/cpu/instruction_set.h"
#include "engine/cpu/kv_cache.h"
#include "tests/support/golden_folder.h"

namespace hearth::engine::cpu {
namespace {

using engine::testing::all_logits;
using engine::testing::blocks_from;
using engine::testing::GoldenCase;
using engine::testing::worst_error;

struct Model : engine::testing::GoldenFolder {
  std::unique_ptr<StepRunner> decoder;
};

std::string folder(const std::string& name) {
  return std::string(HEARTH_GOLDEN) + "/models/" + name;
}

Model load(const std::string& name, WeightFormat format, const std::string& kernels,
           int threads = 2, KvDtype kv_dtype = KvDtype::bf16) {
  Model model{engine::testing::load_golden(name), nullptr};
  CpuDecoderOptions options;
  options.format = format;
  options.kernels = kernels;
  options.runner.threads = threads;
  options.runner.num_blocks = 400;
  options.runner.kv_dtype = kv_dtype;
  const auto checkpoint = Checkpoint::open(model.path);
  auto decoder = load_cpu_decoder(*checkpoint, model.spec, options, {});
  EXPECT_TRUE(decoder) << decoder.error().detail;
  model.decoder = std::move(*decoder);
  return model;
}

class Golden : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Folders, Golden,
                         ::testing::Values("qwen2-tied", "qwen2-sharded", "qwen2-yarn",
                                           "qwen2-window", "llama3-gqa", "llama-linear"),
                         [](const auto& test) { return engine::testing::test_name(test.param); });

// Where the sums are fp32, all that differs from transformers in fp32 is that keys and values (and,
// of fp32 and fp16 folders, the weights) are rounded to bf16: 2⁻⁹ relative each. VDPBF16PS rounds
// the activations too. These folders' random weights are wide on purpose (sharp attention), which
// magnifies rounding; trained models are measured in bench/results.
TEST_P(Golden, Bf16LogitsAreTransformersWithinTheRoundingOfBf16) {
  for (const std::string_view kernels : available_kernels()) {
    const Model model = load(GetParam(), WeightFormat::bf16, std::string(kernels));
    for (const GoldenCase& c : model.cases) {
      EXPECT_LT(worst_error(model, c, all_logits(*model.decoder, c.ids, 512)), 0.04)
          << kernels << ", " << c.ids.size() << " tokens";
    }
  }
}

// Every other family of the shared decoder: head norms, fused and strided weights, caps, windows,
// partial and interleaved ropes.
class OtherFamilies : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Folders, OtherFamilies,
                         ::testing::Values("qwen3", "mistral", "phi3", "gemma2", "vicuna-bin",
                                           "chatglm2-tiny", "chatglm3-tiny"),
                         [](const auto& test) { return engine::testing::test_name(test.param); });

TEST_P(OtherFamilies, Bf16LogitsAreTheReferencesWithinTheRoundingOfBf16) {
  const Model model = load(GetParam(), WeightFormat::bf16, "auto");
  for (const GoldenCase& c : model.cases) {
    const std::vector<float> whole = all_logits(*model.decoder, c.ids, 512);
    EXPECT_LT(worst_error(model, c, whole), 0.1) << c.ids.size() << " tokens";
    EXPECT_EQ(whole, all_logits(*model.decoder, c.ids, 7, 100)) << "in chunks";
  }
}

TEST_P(Golden, Int8LogitsAreWithinTheRoundingOfInt8) {
  const Model model = load(GetParam(), WeightFormat::int8, "auto");
  for (const GoldenCase& c : model.cases)
    EXPECT_LT(worst_error(model, c, all_logits(*model.decoder, c.ids, 512)), 0.15)
        << c.ids.size() << " tokens";
}

TEST_P(Golden, WithAnInt8CacheLogitsAreWithinItsRoundingAndTheSameBitsInEveryChunking) {
  const Model model = load(GetParam(), WeightFormat::bf16, "auto", 2, KvDtype::int8);
  for (const GoldenCase& c : model.cases) {
    const std::vector<float> whole = all_logits(*model.decoder, c.ids, 512);
    EXPECT_LT(worst_error(model, c, whole), 0.1) << c.ids.size() << " tokens";
    EXPECT_EQ(whole, all_logits(*model.decoder, c.ids, 7, 100)) << "in chunks";
  }
  const Model shared = load(GetParam(), WeightFormat::bf16, "auto", 9, KvDtype::int8);
  EXPECT_EQ(all_logits(*shared.decoder, model.cases.back().ids, 1),
            all_logits(*model.decoder, model.cases.back().ids, 512))
      << "chunk by chunk on many threads";
}

TEST_P(Golden, EveryInstructionSetWithoutBf16ProductsGivesTheScalarUnitsBits) {
  for (const WeightFormat format : {WeightFormat::bf16, WeightFormat::int8, WeightFormat::int4}) {
    const Model scalar = load(GetParam(), format, "scalar");
    const std::vector<float> expected = all_logits(*scalar.decoder, scalar.cases[1].ids, 512);
    for (const std::string_view kernels : available_kernels()) {
      if (kernels == "avx512-bf16") continue;  // VDPBF16PS rounds otherwise
      const Model model = load(GetParam(), format, std::string(kernels));
      EXPECT_EQ(all_logits(*model.decoder, model.cases[1].ids, 512), expected)
          << kernels << " " << to_string(format);
    }
  }
}

Result<std::unique_ptr<StepRunner>> load_with_cache(std::int64_t kv_cache_bytes) {
  const ModelSpec spec = *load_model_spec(folder("qwen2-tied"));
  CpuDecoderOptions options;
  options.runner.threads = 1;
  options.runner.kv_cache_bytes = kv_cache_bytes;
  return load_cpu_decoder(*Checkpoint::open(folder("qwen2-tied")), spec, options, {});
}

TEST(CpuDecoder, ACacheSmallerThanOneContextShortensTheContext) {
  const auto whole = load_with_cache(std::int64_t{1} << 30);
  ASSERT_TRUE(whole);
  const RunnerTraits& most = (*whole)->traits();
  EXPECT_EQ(most.num_blocks, most.context_length / 16 * most.max_sequences);
  const ModelSpec spec = *load_model_spec(folder("qwen2-tied"));
  const std::int64_t block =
      KvCache::bytes_per_block({spec.num_layers, spec.num_kv_heads, spec.head_dim});
  const auto cut = load_with_cache(block * 20 + block / 2);
  ASSERT_TRUE(cut);
  EXPECT_EQ((*cut)->traits().num_blocks, 20);
  EXPECT_EQ((*cut)->traits().context_length, 320);
  const auto nothing = load_with_cache(block);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::out_of_memory);
}

TEST(CpuDecoder, ARowThatCannotRunFailsAloneAndReadsNothing) {
  const Model model = load("qwen2-tied", WeightFormat::bf16, "auto");
  const std::vector<TokenId> good = {1, 2, 3};
  const std::vector<TokenId> unknown = {1, static_cast<TokenId>(model.spec.vocab_size)};
  const std::vector<TokenId> negative = {-1};
  const std::vector<std::int32_t> blocks = {0};
  const std::vector<std::int32_t> no_block = {400};
  Batch batch;
  for (const auto& [tokens, table] : {std::pair(&unknown, &blocks), std::pair(&good, &blocks),
                                      std::pair(&negative, &blocks), std::pair(&good, &no_block)}) {
    BatchRow row;
    row.slot = static_cast<std::int32_t>(batch.rows.size());
    row.tokens = *tokens;
    row.block_table = *table;
    row.output = RowOutput::logits;
    batch.rows.push_back(row);
  }
  const std::vector<float> alone = all_logits(*model.decoder, good, 512);
  const auto result = model.decoder->run(batch);
  ASSERT_TRUE(result);
  EXPECT_NE(result->rows[0].error, "");
  EXPECT_TRUE(
      std::ranges::equal(result->rows[1].values,
                         std::span(alone).last(static_cast<std::size_t>(model.spec.vocab_size))));
  EXPECT_NE(result->rows[2].error, "");
  EXPECT_NE(result->rows[3].error, "");
}

// Longer than one attention chunk: with many threads a sequence's chunks are shared out.
TEST_P(Golden, LogitsAreTheSameBitsOnAnyNumberOfThreads) {
  const Model alone = load(GetParam(), WeightFormat::bf16, "auto", 1);
  std::vector<TokenId> ids;
  while (ids.size() < 500) ids.push_back(alone.cases.back().ids[ids.size() * 7 % 97]);
  const std::vector<float> expected = all_logits(*alone.decoder, ids, 512);
  const auto vocab = static_cast<std::size_t>(alone.spec.vocab_size);
  for (const int threads : {2, 3, 9}) {
    const Model shared = load(GetParam(), WeightFormat::bf16, "auto", threads);
    const std::vector<std::int32_t> blocks = blocks_from(0, ids.size());
    BatchRow row;
    row.block_table = blocks;
    row.tokens = std::span(ids).first(ids.size() - 1);
    ASSERT_TRUE(shared.decoder->run({{row}}));
    row.position = static_cast<std::int64_t>(ids.size()) - 1;
    row.tokens = std::span(ids).last(1);
    row.output = RowOutput::logits;
    const auto result = shared.decoder->run({{row}});
    ASSERT_TRUE(result);
    const std::span<const float> last = std::span(expected).last(vocab);
    EXPECT_TRUE(std::ranges::equal(result->rows[0].values, last)) << threads << " threads";
  }
}

TEST_P(Golden, LogitsAreTheSameBitsInEveryChunking) {
  for (const WeightFormat format : {WeightFormat::bf16, WeightFormat::int8, WeightFormat::int4}) {
    const Model model = load(GetParam(), format, "auto");
    const std::vector<TokenId>& ids = model.cases.back().ids;
    const std::vector<float> whole = all_logits(*model.decoder, ids, 512);
    for (const std::size_t chunk : {1U, 5U, 16U, 33U}) {
      EXPECT_EQ(all_logits(*model.decoder, ids, chunk, static_cast<std::int32_t>(chunk)), whole)
          << to_string(format) << " in chunks of " << chunk;
    }
  }
}

TEST_P(Golden, LogitsAreTheSameBitsAloneAndInABatchOf32) {
  for (const WeightFormat format : {WeightFormat::bf16, WeightFormat::int8, WeightFormat::int4}) {
    const Model model = load(GetParam(), format, "auto");
    const auto vocab = static_cast<std::size_t>(model.spec.vocab_size);
    std::vector<std::vector<TokenId>> prompts;
    std::vector<std::vector<std::int32_t>> tables;
    std::vector<std::vector<float>> alone;
    for (std::size_t i = 0; i < 32; ++i) {
      const std::vector<TokenId>& ids = model.cases[i % model.cases.size()].ids;
      prompts.emplace_back(
          ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(1 + (i * 7) % (ids.size() - 1)));
      tables.push_back(blocks_from(static_cast<std::int32_t>(i * 8), prompts.back().size()));
      const std::vector<float> logits = all_logits(*model.decoder, prompts.back(), 512, 300);
      alone.emplace_back(logits.end() - static_cast<std::ptrdiff_t>(vocab), logits.end());
    }
    // All but the last token as 32 prefill rows in steps of at most 400 tokens, then one decode
    // step for everybody.
    Batch decode;
    for (std::size_t i = 0; i < 32; ++i) {
      BatchRow row;
      row.slot = static_cast<std::int32_t>(i);
      row.block_table = tables[i];
      if (prompts[i].size() > 1) {
        row.tokens = std::span(prompts[i]).first(prompts[i].size() - 1);
        ASSERT_TRUE(model.decoder->run({{row}}));
      }
      row.position = static_cast<std::int64_t>(prompts[i].size()) - 1;
      row.tokens = std::span(prompts[i]).last(1);
      row.output = RowOutput::logits;
      decode.rows.push_back(row);
    }
    const auto result = model.decoder->run(decode);
    ASSERT_TRUE(result);
    for (std::size_t i = 0; i < 32; ++i) {
      const std::vector<float> actual(result->rows[i].values.begin(), result->rows[i].values.end());
      EXPECT_EQ(actual, alone[i]) << to_string(format) << ", sequence " << i << " of "
                                  << prompts[i].size() << " tokens";
    }
  }
}

}  // namespace
}  // namespace hearth::engine::cpu

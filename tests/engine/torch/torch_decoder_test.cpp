// TorchDecoder against transformers, on the folders of tests/golden/models (generator:
// tests/golden/generators/make_models.py; versions in each expected.json). fp32 unless the name
// says otherwise.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/checkpoint/model_spec.h"
#include "tests/engine/torch/golden_model.h"

namespace hearth::engine {
namespace {

using testing::blocks_in_order;
using testing::generate_greedy;
using testing::GoldenCase;
using testing::GoldenModel;
using testing::greedy_token;
using testing::load_golden;
using testing::load_runner;
using testing::run_row;
using testing::Sequence;
using testing::small_options;

// Eager and fused attention of transformers itself differ by 2e-6 of the largest logit.
constexpr double kFp32Tolerance = 2e-5;
// bf16 keeps 8 bits. transformers' own bf16 run differs from its fp32 run by up to 4.6 % of the
// largest logit on these folders.
constexpr double kBf16Tolerance = 0.06;
// Weights stored in fp16 lose three more bits of their own.
constexpr double kBf16FromFp16Tolerance = 0.12;

class GoldenDecoder : public ::testing::TestWithParam<const char*> {
 protected:
  GoldenModel model_ = load_golden(GetParam());
};

// The largest difference of row `position` from the stored logits, relative to the case's largest
// logit; 0 if not stored.
double difference(const GoldenCase& golden, std::int64_t position, std::span<const float> row) {
  const auto stored = std::find(golden.positions.begin(), golden.positions.end(), position);
  if (stored == golden.positions.end()) return 0.0;
  const float* expected = golden.logits.data() +
                          static_cast<std::size_t>(stored - golden.positions.begin()) * row.size();
  double worst = 0.0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double distance = std::abs(static_cast<double>(row[i]) - expected[i]);
    worst = std::isnan(distance) ? INFINITY : std::max(worst, distance);
  }
  return worst / golden.max_abs_logit;
}

// Prefills in chunks and compares every stored row.
double worst_difference(StepRunner& runner, const GoldenCase& golden, std::int64_t chunk) {
  Sequence sequence(0, blocks_in_order(0, 16));
  sequence.append(golden.ids);
  double worst = 0.0;
  std::int64_t position = 0;
  while (sequence.num_waiting() > 0) {
    const std::int64_t count = std::min(chunk, sequence.num_waiting());
    const auto logits = run_row(runner, sequence.take(count, RowOutput::all_logits));
    const std::size_t width = logits.size() / static_cast<std::size_t>(count);
    for (std::int64_t t = 0; t < count; ++t, ++position) {
      const auto row = std::span(logits).subspan(static_cast<std::size_t>(t) * width, width);
      worst = std::max(worst, difference(golden, position, row));
    }
  }
  return worst;
}

TEST_P(GoldenDecoder, LogitsAreTransformersWhateverTheChunks) {
  const auto runner = load_runner(model_.folder, small_options());
  for (const GoldenCase& golden : model_.cases) {
    for (const std::int64_t chunk : {1000, 1, 7}) {
      const double worst = worst_difference(*runner, golden, chunk);
      EXPECT_LE(worst, kFp32Tolerance) << golden.name << " in chunks of " << chunk;
    }
  }
}

TEST_P(GoldenDecoder, GreedyIdsAreTransformers) {
  const auto runner = load_runner(model_.folder, small_options());
  for (const GoldenCase& golden : model_.cases) {
    EXPECT_EQ(generate_greedy(*runner, golden.ids, 48, 1.0F, 1000), golden.greedy) << golden.name;
    EXPECT_EQ(generate_greedy(*runner, golden.ids, 48, 1.1F, 5), golden.greedy_penalised)
        << golden.name;
  }
}

// Six sequences over scattered blocks; each step has decodes beside prefill chunks of 11 tokens.
TEST_P(GoldenDecoder, GreedyIdsAreTheSameInABatchOverShuffledBlocks) {
  const auto runner = load_runner(model_.folder, small_options());
  std::vector<std::int32_t> pool = blocks_in_order(0, 64);
  std::shuffle(pool.begin(), pool.end(), std::mt19937(7));
  struct Run {
    Sequence sequence;
    float penalty;
    const std::vector<TokenId>* expected;
    std::vector<TokenId> ids = {};
  };
  std::vector<Run> runs;
  for (const GoldenCase& golden : model_.cases) {
    for (const float penalty : {1.0F, 1.1F}) {
      const auto slot = static_cast<std::int32_t>(runs.size());
      std::vector<std::int32_t> blocks(pool.begin() + slot * 10, pool.begin() + slot * 10 + 10);
      runs.push_back({Sequence(slot, std::move(blocks)), penalty,
                      penalty == 1.0F ? &golden.greedy : &golden.greedy_penalised});
      runs.back().sequence.append(golden.ids);
    }
  }
  for (bool is_running = true; is_running;) {
    Batch batch;
    std::vector<Run*> asked;
    is_running = false;
    for (Run& run : runs) {
      if (run.ids.size() == 48) continue;
      is_running = true;
      const std::int64_t count = std::min<std::int64_t>(11, run.sequence.num_waiting());
      const bool is_last = count == run.sequence.num_waiting();
      batch.rows.push_back(run.sequence.take(count, is_last ? RowOutput::logits : RowOutput::none));
      asked.push_back(is_last ? &run : nullptr);
    }
    if (!is_running) break;
    const auto result = runner->run(batch);
    ASSERT_TRUE(result) << result.error().detail;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (asked[i] == nullptr) continue;
      const TokenId id =
          greedy_token(result->rows[i].values, asked[i]->sequence.tokens(), asked[i]->penalty);
      asked[i]->ids.push_back(id);
      asked[i]->sequence.append({&id, 1});
    }
  }
  for (const Run& run : runs) EXPECT_EQ(run.ids, *run.expected);
}

TEST_P(GoldenDecoder, Bf16StaysCloseToFp32) {
  RunnerOptions options = small_options();
  options.dtype = ComputeDtype::bf16;
  const auto runner = load_runner(model_.folder, options);
  const bool is_fp16 = load_model_spec(model_.folder)->stored_dtype == Dtype::f16;
  for (const GoldenCase& golden : model_.cases) {
    for (const std::int64_t chunk : {1000, 9}) {
      const double worst = worst_difference(*runner, golden, chunk);
      EXPECT_LE(worst, is_fp16 ? kBf16FromFp16Tolerance : kBf16Tolerance) << golden.name;
      EXPECT_GT(worst, 0.0) << "bf16 was not used";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, GoldenDecoder,
                         ::testing::Values("qwen2-tied", "qwen2-sharded", "qwen2-yarn",
                                           "qwen2-window", "llama3-gqa", "llama-linear", "qwen3",
                                           "mistral", "phi3", "gemma2", "vicuna-bin"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace hearth::engine

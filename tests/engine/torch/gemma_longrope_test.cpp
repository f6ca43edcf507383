// Gemma 1, Gemma 3 and longrope against a plain network in doubles (generator:
// tests/golden/generators/make_gemma_longrope.py). fp32.
#include <cmath>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/engine/torch/golden_model.h"

namespace hearth::engine {
namespace {

using testing::blocks_in_order;
using testing::golden_folder;
using testing::load_runner;
using testing::Sequence;
using testing::small_options;

constexpr double kTolerance = 2e-5;

// The largest difference of a stored row, relative to the largest logit.
double worst_difference(const std::string& name, std::int64_t context, std::int64_t chunk) {
  std::ifstream file(golden_folder(name) / "expected.json");
  const auto expected = nlohmann::json::parse(file);
  RunnerOptions options = small_options();
  options.context_length = context;
  const auto runner = load_runner(golden_folder(name), options);
  Sequence sequence(0, blocks_in_order(0, 16));
  sequence.append(expected.at("input_ids").get<std::vector<TokenId>>());
  std::vector<float> all;
  while (sequence.num_waiting() > 0) {
    const auto row = sequence.take(std::min(chunk, sequence.num_waiting()), RowOutput::all_logits);
    const auto values = testing::run_row(*runner, row);
    all.insert(all.end(), values.begin(), values.end());
  }
  const auto width = static_cast<std::size_t>(runner->traits().vocab_size);
  double worst = 0.0;
  for (std::size_t i = 0; i < expected.at("positions").size(); ++i) {
    const auto position = expected["positions"][i].get<std::size_t>();
    for (std::size_t v = 0; v < width; ++v) {
      const double wanted = expected["logits"][i][v].get<double>();
      worst = std::max(worst, std::abs(static_cast<double>(all.at(position * width + v)) - wanted));
    }
  }
  return worst / expected.at("max_abs_logit").get<double>();
}

TEST(Gemma1, LogitsAreTheReferences) {
  EXPECT_LE(worst_difference("gemma1-tiny", 0, 1000), kTolerance);
  EXPECT_LE(worst_difference("gemma1-tiny", 0, 3), kTolerance);
}

TEST(Gemma3, LayersWithAWindowTurnByTheirOwnRope) {
  EXPECT_LE(worst_difference("gemma3-tiny", 0, 1000), kTolerance);
  EXPECT_LE(worst_difference("gemma3-tiny", 0, 5), kTolerance);
}

TEST(Longrope, ShortFactorsHoldBelowTheOriginalMaximumAndLongOnesBeyond) {
  EXPECT_LE(worst_difference("phi3-short", 0, 1000), kTolerance);
  EXPECT_LE(worst_difference("phi3-long", 256, 1000), kTolerance);
  EXPECT_LE(worst_difference("phi3-long", 256, 7), kTolerance);
}

TEST(Longrope, AContextThatNobodyAskedForEndsAtTheOriginalMaximum) {
  RunnerOptions options = small_options();
  EXPECT_EQ(load_runner(golden_folder("phi3-long"), options)->traits().context_length, 64);
  options.context_length = 100;
  EXPECT_EQ(load_runner(golden_folder("phi3-long"), options)->traits().context_length, 100);
}

}  // namespace
}  // namespace hearth::engine

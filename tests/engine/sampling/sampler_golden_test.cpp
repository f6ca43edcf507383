// Against transformers' own processors and warpers (tests/golden/generators/make_sampler_cases.py).
#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/sampling/processors.h"
#include "engine/sampling/sampler.h"
#include "engine/sampling/sampling_overrides.h"
#include "tests/engine/sampling/params_from_json.h"

namespace hearth::engine::test {
namespace {

using nlohmann::json;

struct Case {
  std::string name;
  std::vector<float> logits;
  std::vector<TokenId> ids;
  std::size_t num_prompt = 0;
  std::vector<TokenId> eos_ids;
  SamplingParams params;
  json expected;

  SampleInput input() const {
    return {.logits = logits,
            .ids = ids,
            .num_prompt = num_prompt,
            .eos_ids = eos_ids,
            .seed = 1,
            .num_top = 0};
  }
};

std::vector<Case> read_cases() {
  std::ifstream file(HEARTH_GOLDEN "/sampler.json");
  std::vector<Case> cases;
  const json document = json::parse(file);
  for (const json& entry : document.at("cases")) {
    Case c;
    c.name = entry.at("name");
    for (const json& logit : entry.at("logits")) {
      c.logits.push_back(logit.is_null() ? -std::numeric_limits<float>::infinity()
                                         : static_cast<float>(logit.get<double>()));
    }
    c.ids = entry.at("prompt_ids").get<std::vector<TokenId>>();
    c.num_prompt = c.ids.size();
    for (const json& id : entry.at("generated_ids")) c.ids.push_back(id);
    c.eos_ids = entry.at("eos_token_ids").get<std::vector<TokenId>>();
    c.params = params_from_json(entry.at("params"), entry.at("do_sample"));
    c.expected = entry.at("expected");
    cases.push_back(std::move(c));
  }
  EXPECT_GT(cases.size(), 150U);
  return cases;
}

std::vector<TokenId> kept_of(const std::vector<float>& probs) {
  std::vector<TokenId> kept;
  for (std::size_t i = 0; i < probs.size(); ++i) {
    if (probs[i] > 0.0F) kept.push_back(static_cast<TokenId>(i));
  }
  return kept;
}

TEST(SamplerGolden, ProbabilitiesAndKeptIdsEqualTransformers) {
  const std::vector<Case> cases = read_cases();
  Sampler sampler;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ASSERT_TRUE(validate(c.params).has_value());
    const Result<Sampler::Trace> trace = sampler.trace(c.params, c.input());
    ASSERT_TRUE(trace.has_value()) << trace.error().detail;
    std::vector<float> probs = trace->probs;
    auto expected = c.expected.at("probs").get<std::vector<float>>();
    auto kept = c.expected.at("kept").get<std::vector<TokenId>>();
    if (c.expected.at("order_dependent_tie")) {
      EXPECT_EQ(kept_of(probs).size(), kept.size());
      std::ranges::sort(probs);
      std::ranges::sort(expected);
    } else {
      EXPECT_EQ(kept_of(probs), kept);
      EXPECT_EQ(std::ranges::max_element(probs) - probs.begin(),
                c.expected.at("argmax").get<std::ptrdiff_t>());
    }
    ASSERT_EQ(probs.size(), expected.size());
    for (std::size_t i = 0; i < probs.size(); ++i)
      EXPECT_NEAR(probs[i], expected[i], 2e-6) << "id " << i;
  }
}

TEST(SamplerGolden, ProcessorsAndWarpersRunInTransformersOrder) {
  const std::map<std::string, std::string> classes{
      {"repetition_penalty", "RepetitionPenaltyLogitsProcessor"},
      {"no_repeat_ngram_size", "NoRepeatNGramLogitsProcessor"},
      {"bad_words_ids", "NoBadWordsLogitsProcessor"},
      {"min_length", "MinLengthLogitsProcessor"},
      {"min_new_tokens", "MinNewTokensLengthLogitsProcessor"},
      {"suppress_tokens", "SuppressTokensLogitsProcessor"},
      {"begin_suppress_tokens", "SuppressTokensAtBeginLogitsProcessor"},
      {"presence_frequency", "OpenAIPenalty"},
      {"temperature", "TemperatureLogitsWarper"},
      {"top_k", "TopKLogitsWarper"},
      {"top_p", "TopPLogitsWarper"},
      {"min_p", "MinPLogitsWarper"},
      {"typical_p", "TypicalLogitsWarper"},
      {"epsilon_cutoff", "EpsilonLogitsWarper"},
      {"eta_cutoff", "EtaLogitsWarper"}};
  Sampler sampler;
  for (const Case& c : read_cases()) {
    SCOPED_TRACE(c.name);
    std::vector<std::string> order;
    for (const Processor& p : processors()) {
      if (p.is_on(c.params)) order.push_back(classes.at(std::string(p.name)));
    }
    if (c.params.do_sample && c.params.temperature != 1.0)
      order.push_back(classes.at("temperature"));
    if (c.params.do_sample && c.params.top_k > 0) order.push_back(classes.at("top_k"));
    for (const Warper& w : warpers()) {
      if (c.params.do_sample && w.is_on(c.params)) order.push_back(classes.at(std::string(w.name)));
    }
    EXPECT_EQ(order, c.expected.at("processors").get<std::vector<std::string>>());
  }
}

TEST(SamplerGolden, SampleDrawsOnlyKeptIdsAndGreedyTakesTheArgmax) {
  Sampler sampler;
  for (const Case& c : read_cases()) {
    SCOPED_TRACE(c.name);
    const Result<Sampler::Trace> trace = sampler.trace(c.params, c.input());
    ASSERT_TRUE(trace.has_value());
    const std::vector<TokenId> kept = kept_of(trace->probs);
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      SampleInput input = c.input();
      input.seed = seed;
      const Result<TokenRecord> token = sampler.sample(c.params, input);
      ASSERT_TRUE(token.has_value());
      EXPECT_TRUE(std::ranges::binary_search(kept, token->id)) << token->id;
      if (!c.params.do_sample) {
        EXPECT_EQ(token->id, c.expected.at("argmax").get<TokenId>());
      }
    }
  }
}

// 200 draws of every golden distribution: Pearson's chi-square against the expected probabilities,
// over all cases together.
TEST(SamplerGolden, DrawsFollowTheProbabilities) {
  Sampler sampler;
  double statistic = 0.0;
  double degrees = 0.0;
  for (const Case& c : read_cases()) {
    if (!c.params.do_sample || c.expected.at("order_dependent_tie")) continue;
    const auto probs = c.expected.at("probs").get<std::vector<double>>();
    std::vector<double> counts(probs.size());
    constexpr int kDraws = 400;
    for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
      SampleInput input = c.input();
      input.seed = seed;
      counts[static_cast<std::size_t>(sampler.sample(c.params, input)->id)] += 1.0;
    }
    double rest = kDraws;
    double rest_expected = kDraws;
    for (std::size_t i = 0; i < probs.size(); ++i) {
      const double expected = probs[i] * kDraws;
      if (expected < 5.0) continue;  // the usual rule: rare ids are counted together
      statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
      degrees += 1.0;
      rest -= counts[i];
      rest_expected -= expected;
    }
    if (rest_expected > 5.0) {
      statistic += (rest - rest_expected) * (rest - rest_expected) / rest_expected;
    } else {
      degrees -= 1.0;
    }
  }
  ASSERT_GT(degrees, 500.0);
  EXPECT_LT(std::abs(statistic - degrees), 4.0 * std::sqrt(2.0 * degrees));
}

}  // namespace
}  // namespace hearth::engine::test

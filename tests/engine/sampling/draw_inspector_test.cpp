// What the inspector keeps of a draw: against transformers' own stages, against plain loops in
// double, and by replaying draws from what was kept, as a client does (server/PROTOCOL.md §5).
#include "engine/sampling/draw_inspector.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/sampling/philox.h"
#include "engine/sampling/row_math.h"
#include "engine/sampling/sampler.h"
#include "tests/engine/sampling/params_from_json.h"

namespace hearth::engine::test {
namespace {

using nlohmann::json;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Row {
  std::vector<float> logits;
  std::vector<TokenId> ids{1};
  std::size_t num_prompt = 1;
  std::vector<TokenId> eos_ids{};
  std::uint64_t seed = 1;
};

struct Inspected {
  TokenRecord token;
  TokenCandidates candidates;
};

Inspected inspect(const SamplingParams& params, const Row& row,
                  std::optional<TokenId> forced = {}) {
  Sampler sampler;
  const Result<TokenRecord> token = sampler.sample(params, {.logits = row.logits,
                                                            .ids = row.ids,
                                                            .num_prompt = row.num_prompt,
                                                            .eos_ids = row.eos_ids,
                                                            .seed = row.seed,
                                                            .num_top = 0,
                                                            .forced = forced,
                                                            .is_inspected = true});
  EXPECT_TRUE(token.has_value());
  return {token.value_or(TokenRecord{}), std::move(sampler.candidates())};
}

Row random_row(std::uint32_t seed, std::size_t vocab_size) {
  std::mt19937 random(seed);
  std::normal_distribution<float> logit(0.0F, 4.0F);
  Row row;
  row.logits.resize(vocab_size);
  std::ranges::generate(row.logits, [&] { return logit(random); });
  row.logits[vocab_size / 3] = -kInfinity;
  row.seed = seed;
  return row;
}

std::vector<float> softmax(const std::vector<float>& x, double scale = 1.0) {
  const auto highest = static_cast<double>(*std::ranges::max_element(x));
  double total = 0.0;
  for (const float value : x) total += std::exp(scale * (static_cast<double>(value) - highest));
  std::vector<float> out;
  for (const float value : x) {
    const double e = std::exp(scale * (static_cast<double>(value) - highest));
    out.push_back(static_cast<float>(e / total));
  }
  return out;
}

std::map<std::string, std::vector<float>> stages_of(const Inspected& inspected,
                                                    const SamplingParams& params,
                                                    std::size_t vocab_size) {
  std::map<std::string, std::vector<float>> stages;
  for (const InspectedStage& stage : inspected.candidates.stages)
    stages[to_string(stage.stage)].resize(vocab_size);
  for (const InspectedCandidate& candidate : inspected.candidates.candidates) {
    const std::vector<float> probabilities =
        probabilities_of(candidate, inspected.candidates.stages, params.temperature);
    for (std::size_t i = 0; i < probabilities.size(); ++i) {
      stages[to_string(inspected.candidates.stages[i].stage)]
            [static_cast<std::size_t>(candidate.id)] = probabilities[i];
    }
  }
  return stages;
}

void expect_near(const std::vector<float>& actual, const std::vector<float>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 3e-6) << i;
}

// The golden rows have at most 64 tokens, so every token is listed.
TEST(DrawInspectorGolden, LastStageEqualsTransformers) {
  std::ifstream file(HEARTH_GOLDEN "/sampler.json");
  int num_compared = 0;
  const json document = json::parse(file);
  for (const json& entry : document.at("cases")) {
    SCOPED_TRACE(entry.at("name"));
    const json& expected = entry.at("expected");
    if (expected.at("order_dependent_tie")) continue;
    Row row;
    for (const json& logit : entry.at("logits")) {
      row.logits.push_back(logit.is_null() ? -kInfinity : static_cast<float>(logit.get<double>()));
    }
    row.ids = entry.at("prompt_ids").get<std::vector<TokenId>>();
    row.num_prompt = row.ids.size();
    for (const json& id : entry.at("generated_ids")) row.ids.push_back(id);
    row.eos_ids = entry.at("eos_token_ids").get<std::vector<TokenId>>();
    const SamplingParams params = params_from_json(entry.at("params"), entry.at("do_sample"));
    const Inspected inspected = inspect(params, row);
    const InspectedStage& last = inspected.candidates.stages.back();
    const auto stages = stages_of(inspected, params, row.logits.size());
    expect_near(stages.at(to_string(last.stage)), expected.at("probs").get<std::vector<float>>());
    const auto is_left = [](const json& score) { return !score.is_null(); };
    EXPECT_EQ(last.num_left, std::ranges::count_if(expected.at("scores"), is_left));
    // A banned token is not listed unless its logit is high.
    const std::vector<float> raw = softmax(row.logits);
    for (const InspectedCandidate& candidate : inspected.candidates.candidates) {
      const auto place = static_cast<std::size_t>(candidate.id);
      EXPECT_NEAR(stages.at("raw")[place], raw[place], 3e-6);
    }
    ++num_compared;
  }
  EXPECT_GT(num_compared, 150);
}

TEST(DrawInspector, StagesBetweenAreThoseOfTheSlowMotion) {
  SamplingParams params = params_from_json({{"temperature", 0.7},
                                            {"top_k", 20},
                                            {"top_p", 0.9},
                                            {"min_p", 0.02},
                                            {"repetition_penalty", 1.3}},
                                           true);
  params.typical_p = 0.95;
  params.epsilon_cutoff = 0.01;
  params.eta_cutoff = 0.02;
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    Row row = random_row(seed, 60);
    row.ids = {3, 5, 9, 5};
    Sampler sampler;
    const Result<Sampler::Trace> trace = sampler.trace(params, {.logits = row.logits,
                                                                .ids = row.ids,
                                                                .num_prompt = 1,
                                                                .eos_ids = {},
                                                                .seed = 0,
                                                                .num_top = 0});
    const Inspected inspected = inspect(params, row);
    auto stages = stages_of(inspected, params, row.logits.size());
    ASSERT_EQ(stages.size(), 9U);
    stages["repetition_penalty"] = stages["penalties"];
    ASSERT_GE(trace->stages.size(), 4U);
    for (const SampleStage& stage : trace->stages) {
      SCOPED_TRACE(std::string(stage.name));
      ASSERT_TRUE(stages.contains(std::string(stage.name)));
      expect_near(stages.at(std::string(stage.name)), stage.probs);
    }
  }
}

TEST(DrawInspector, EveryWarperHasItsStage) {
  std::vector<std::string> names;
  for (const Warper& warper : warpers()) names.emplace_back(warper.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{
                to_string(SamplingStage::top_p), to_string(SamplingStage::min_p),
                to_string(SamplingStage::typical_p), to_string(SamplingStage::epsilon_cutoff),
                to_string(SamplingStage::eta_cutoff)}));
}

TEST(DrawInspector, MeasuresTheWholeRowAndNotOnlyTheListed) {
  SamplingParams params = params_from_json({{"temperature", 1.7}}, true);
  const Row row = random_row(7, 3001);
  const Inspected inspected = inspect(params, row);
  const TokenCandidates& kept = inspected.candidates;
  const std::vector<float> raw = softmax(row.logits);
  const std::vector<float> tempered = softmax(row.logits, 1.0 / 1.7);
  double entropy = 0.0;
  for (const float p : raw) {
    if (p > 0.0F) entropy -= static_cast<double>(p) * std::log(static_cast<double>(p));
  }
  EXPECT_NEAR(kept.entropy, entropy, 1e-4);
  ASSERT_EQ(kept.num_listed, TokenCandidates::kListedMax);
  ASSERT_EQ(kept.stages.size(), 2U);
  EXPECT_EQ(kept.stages[0].num_left, 3000);
  for (const InspectedCandidate& candidate : kept.candidates) {
    const auto place = static_cast<std::size_t>(candidate.id);
    const std::vector<float> p = probabilities_of(candidate, kept.stages, params.temperature);
    EXPECT_NEAR(p[0], raw[place], 2e-6);
    EXPECT_NEAR(p[1], tempered[place], 2e-6);
  }
  EXPECT_EQ(kept.u, uniform_at(row.seed, 1));
}

TEST(DrawInspector, TailIsTheMassOfWhatIsNotListed) {
  for (const std::size_t vocab_size : {64U, 65U, 67U, 1000U}) {
    Row row = random_row(11, vocab_size);
    row.logits[vocab_size / 3] = -20.0F;
    for (std::size_t i = 0; i < 20; ++i) row.logits[i] = row.logits[40];  // ties across the border
    const TokenCandidates kept = inspect(params_from_json(json::object(), true), row).candidates;
    const auto highest = static_cast<double>(kept.candidates.front().score);
    for (std::size_t k = 0; k < TokenCandidates::kTailBetas.size(); ++k) {
      const auto beta = static_cast<double>(TokenCandidates::kTailBetas[k]);
      double mass = 0.0;
      for (std::size_t id = 0; id < vocab_size; ++id) {
        const bool is_listed = std::ranges::any_of(
            kept.candidates.begin(),
            kept.candidates.begin() + static_cast<std::ptrdiff_t>(kept.num_listed),
            [&](const InspectedCandidate& c) { return static_cast<std::size_t>(c.id) == id; });
        if (!is_listed) mass += std::exp(beta * (static_cast<double>(row.logits[id]) - highest));
      }
      if (mass < 1e-30) {  // where a float ends
        EXPECT_LT(kept.log_tail[k], -60.0F);
      } else {
        EXPECT_NEAR(kept.log_tail[k], std::log(mass), 1e-5 * (1.0 + std::abs(std::log(mass))));
      }
    }
  }
}

TEST(DrawInspector, PenalisedFavouritesAndTheForcedTokenAreAmongTheCandidates) {
  Row row = random_row(3, 500);
  row.logits[17] = 30.0F;
  row.logits[18] = 29.0F;
  SamplingParams params = params_from_json({{"repetition_penalty", 50.0}}, true);
  params.suppress_tokens = {17};
  row.ids = {18, 1};
  const Inspected inspected = inspect(params, row, TokenId{250});
  EXPECT_EQ(inspected.token.id, 250);
  const auto find = [&](TokenId id) {
    return *std::ranges::find(inspected.candidates.candidates, id, &InspectedCandidate::id);
  };
  EXPECT_EQ(find(17).score, -kInfinity);
  EXPECT_EQ(find(17).cut_by, SamplingStage::penalties);
  EXPECT_EQ(find(18).logit, 29.0F);
  EXPECT_FLOAT_EQ(find(18).score, 29.0F / 50.0F);
  EXPECT_EQ(find(250).logit, row.logits[250]);
  EXPECT_EQ(inspected.token.rank, std::ranges::count_if(row.logits, [&](float logit) {
              return logit > row.logits[250];
            }));
}

TEST(DrawInspector, GreedyHasOnlyTheStagesBeforeTheChoice) {
  const Row row = random_row(5, 100);
  SamplingParams params =
      params_from_json({{"temperature", 0.5}, {"top_k", 5}, {"presence_penalty", 1.0}}, false);
  const Inspected inspected = inspect(params, row);
  ASSERT_EQ(inspected.candidates.stages.size(), 2U);
  EXPECT_EQ(inspected.candidates.stages[1].stage, SamplingStage::penalties);
  EXPECT_EQ(inspected.candidates.candidates.front().id, inspected.token.id);
  EXPECT_EQ(inspected.token.u, 0.0F);
  EXPECT_EQ(inspected.candidates.u, uniform_at(row.seed, 1));
}

TEST(DrawInspector, ForcedTokenIsRefusedWithARowThatHasNoNumbers) {
  Sampler sampler;
  const std::vector<float> logits{1.0F, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<TokenId> ids{1};
  EXPECT_FALSE(sampler
                   .sample({}, {.logits = logits,
                                .ids = ids,
                                .num_prompt = 1,
                                .eos_ids = {},
                                .seed = 0,
                                .num_top = 0,
                                .forced = 0})
                   .has_value());
}

// --- What if: the recipe of server/PROTOCOL.md §5, from what was kept alone.

struct Settings {
  double temperature = 1.0;
  std::size_t top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
};

// −1: none of the stored.
TokenId what_if(const TokenCandidates& kept, const Settings& settings) {
  const auto beta = 1.0 / settings.temperature;
  const auto highest = static_cast<double>(kept.candidates.front().score);
  std::vector<double> weights;
  for (std::size_t i = 0; i < kept.num_listed; ++i) {
    weights.push_back(std::exp(beta * (static_cast<double>(kept.candidates[i].score) - highest)));
  }
  double rest = 0.0;
  const bool is_short = settings.top_k > 0 && settings.top_k <= weights.size();
  if (is_short) {
    weights.resize(settings.top_k);
  } else {
    const auto place = std::ranges::find(TokenCandidates::kTailBetas, static_cast<float>(beta));
    if (place == TokenCandidates::kTailBetas.end()) return -2;  // the test asks only for these
    rest = std::exp(static_cast<double>(
        kept.log_tail[static_cast<std::size_t>(place - TokenCandidates::kTailBetas.begin())]));
  }
  double total = rest;
  for (const double weight : weights) total += weight;
  double mass = 0.0;
  std::size_t num_kept = 0;
  while (num_kept < weights.size() && (num_kept == 0 || mass < settings.top_p * total))
    mass += weights[num_kept++];
  if (settings.top_p < 1.0) {
    if (mass < settings.top_p * total) return -1;
    weights.resize(num_kept);
    rest = 0.0;
  }
  std::erase_if(weights, [&](double weight) { return weight < settings.min_p; });
  total = rest;
  for (const double weight : weights) total += weight;
  mass = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    mass += weights[i];
    if (mass > static_cast<double>(kept.u) * total) return kept.candidates[i].id;
  }
  return -1;
}

TEST(WhatIf, StoredCandidatesGiveTheTokenThatOtherSettingsWouldHaveDrawn) {
  const std::vector<Settings> settings{{.temperature = 0.7, .top_k = 50},
                                       {.temperature = 1.3, .top_k = 64, .top_p = 0.8},
                                       {.temperature = 0.1, .top_k = 7},
                                       {.temperature = 2.0, .top_k = 30, .min_p = 0.1},
                                       {.temperature = 1.0},
                                       {.temperature = 0.5, .top_p = 0.9},
                                       {.temperature = 0.8, .top_p = 0.5},
                                       {.temperature = 2.0}};
  int num_stored = 0;
  int num_differ = 0;
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    Row row = random_row(seed, 700);
    row.ids = {3, 5, 9};
    const SamplingParams asked =
        params_from_json({{"temperature", 0.7}, {"top_k", 20}, {"repetition_penalty", 1.2}}, true);
    const Inspected inspected = inspect(asked, row);
    for (const Settings& other : settings) {
      const SamplingParams params =
          params_from_json({{"temperature", other.temperature},
                            {"top_k", static_cast<std::int64_t>(other.top_k)},
                            {"top_p", other.top_p},
                            {"min_p", other.min_p},
                            {"repetition_penalty", 1.2}},
                           true);
      const TokenId drawn = inspect(params, row).token.id;
      const TokenId guessed = what_if(inspected.candidates, other);
      ASSERT_NE(guessed, -2);
      if (guessed == -1) continue;
      EXPECT_EQ(guessed, drawn) << seed << " at T " << other.temperature;
      ++num_stored;
      num_differ += drawn != inspected.token.id ? 1 : 0;
    }
  }
  EXPECT_GT(num_stored, 650);
  EXPECT_GT(num_differ, 150);
}

TEST(RowMath, SumsOfTheInspectorAgreeWithTheLibraryAtEveryLength) {
  for (std::size_t length = 1; length < 70; ++length) {
    Row row = random_row(static_cast<std::uint32_t>(length), length);
    const float highest = *std::ranges::max_element(row.logits);
    if (highest == -kInfinity) continue;
    ExpMoments expected;
    ScoreSums sums;
    for (const float x : row.logits) {
      const double distance = static_cast<double>(x) - static_cast<double>(highest);
      const double e = std::exp(distance);
      expected.sum += e;
      if (e > 0.0) expected.weighted += e * distance;
      expected.num_finite += x > -kInfinity ? 1 : 0;
      sums.scaled += std::exp(0.7 * distance);
      for (std::size_t k = 0; k < sums.tail.size(); ++k) {
        if (x < 1.0F)
          sums.tail[k] += std::exp(static_cast<double>(TokenCandidates::kTailBetas[k]) * distance);
      }
    }
    const ExpMoments moments = exp_moments(row.logits, highest);
    EXPECT_NEAR(moments.sum, expected.sum, 1e-6 * expected.sum);
    EXPECT_NEAR(moments.weighted, expected.weighted, 1e-6 * (1.0 - expected.weighted));
    EXPECT_EQ(moments.num_finite, expected.num_finite);
    const ScoreSums actual = score_sums(row.logits, highest, 0.7, std::min(1.0F, highest));
    EXPECT_NEAR(actual.sum, expected.sum, 2e-6 * expected.sum);
    EXPECT_NEAR(actual.scaled, sums.scaled, 1e-6 * sums.scaled);
    EXPECT_EQ(actual.num_finite, expected.num_finite);
    if (highest < 1.0F) continue;
    for (std::size_t k = 0; k < sums.tail.size(); ++k)
      EXPECT_NEAR(actual.tail[k], sums.tail[k], 1e-5 * sums.tail[k] + 1e-30);
  }
}

}  // namespace
}  // namespace hearth::engine::test

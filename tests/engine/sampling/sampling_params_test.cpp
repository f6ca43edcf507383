#include "engine/sampling/sampling_params.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/sampling/sampling_overrides.h"

namespace hearth::engine {
namespace {

using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Resolve, NothingGivenIsGreedy) {
  const SamplingParams params = resolve({}, {}).value();
  EXPECT_FALSE(params.do_sample);
  EXPECT_EQ(params.temperature, 1.0);
  EXPECT_EQ(params.repetition_penalty, 1.0);
}

TEST(Resolve, TheRequestWinsOverTheFolderAndTheFolderOverTheDefaults) {
  SamplingOverrides folder;
  folder.do_sample = true;
  folder.temperature = 0.7;
  folder.top_p = 0.8;
  folder.repetition_penalty = 1.1;
  SamplingOverrides request;
  request.top_p = 0.5;
  const SamplingParams params = resolve(request, folder).value();
  EXPECT_TRUE(params.do_sample);
  EXPECT_EQ(params.temperature, 0.7);
  EXPECT_EQ(params.top_p, 0.5);
  EXPECT_EQ(params.repetition_penalty, 1.1);
}

TEST(Resolve, TopKIsTransformersFiftyUnlessSomebodySetIt) {
  SamplingOverrides folder;
  folder.do_sample = true;
  EXPECT_EQ(resolve({}, folder)->top_k, 50);
  folder.top_k = 20;
  EXPECT_EQ(resolve({}, folder)->top_k, 20);
  SamplingOverrides request;
  request.top_k = 0;
  EXPECT_EQ(resolve(request, folder)->top_k, 0);
}

TEST(Resolve, AGivenTemperatureDecidesBetweenGreedyAndSampling) {
  SamplingOverrides folder;
  SamplingOverrides request;
  request.temperature = 0.5;
  EXPECT_TRUE(resolve(request, folder)->do_sample);
  folder.do_sample = true;
  request.temperature = 0.0;
  EXPECT_FALSE(resolve(request, folder)->do_sample);
  request.temperature = -0.0;
  EXPECT_FALSE(resolve(request, folder)->do_sample);
}

TEST(Resolve, AFolderWithTemperatureZeroIsGreedy) {
  SamplingOverrides folder;
  folder.do_sample = true;
  folder.temperature = 0.0;
  EXPECT_FALSE(resolve({}, folder)->do_sample);
}

TEST(Resolve, LogitBiasBecomesBiasOfSingleIds) {
  SamplingOverrides request;
  request.logit_bias = {{{7, -100.0}, {3, 2.5}}};
  const SamplingParams params = resolve(request, {}).value();
  ASSERT_EQ(params.sequence_bias.size(), 2U);
  EXPECT_EQ(params.sequence_bias[0].first, std::vector<TokenId>{7});
  EXPECT_EQ(params.sequence_bias[1].second, 2.5);
}

// each bound at it and past it, and what is not a number.
struct Bound {
  const char* name;
  std::optional<double> SamplingOverrides::*field;
  std::vector<double> good;
  std::vector<double> bad;
};

TEST(Resolve, ChecksEveryRange) {
  using O = SamplingOverrides;
  const std::vector<Bound> bounds{
      {"temperature", &O::temperature, {0.0, 1e-3, 2.0, 100.0}, {-0.1, 100.5, 1e308}},
      {"top_p", &O::top_p, {0.0, 0.5, 1.0}, {-0.01, 1.01}},
      {"min_p", &O::min_p, {0.0, 1.0}, {-0.01, 1.01}},
      {"typical_p", &O::typical_p, {0.01, 1.0}, {0.0, -1.0, 1.01}},
      {"epsilon_cutoff", &O::epsilon_cutoff, {0.0, 0.999}, {-0.01, 1.0}},
      {"eta_cutoff", &O::eta_cutoff, {0.0, 0.999}, {-0.01, 1.0}},
      {"repetition_penalty", &O::repetition_penalty, {0.01, 1.0, 100.0}, {0.0, -1.0, 100.5}},
      {"presence_penalty", &O::presence_penalty, {-2.0, 0.0, 2.0}, {-2.01, 2.01}},
      {"frequency_penalty", &O::frequency_penalty, {-2.0, 0.0, 2.0}, {-2.01, 2.01}},
  };
  for (const Bound& bound : bounds) {
    SCOPED_TRACE(bound.name);
    for (const double value : bound.good) {
      SamplingOverrides request;
      request.*bound.field = value;
      EXPECT_TRUE(resolve(request, {}).has_value()) << value;
    }
    std::vector<double> bad = bound.bad;
    bad.insert(bad.end(), {kNan, kInfinity, -kInfinity});
    for (const double value : bad) {
      SamplingOverrides request;
      request.*bound.field = value;
      const Result<SamplingParams> result = resolve(request, {});
      ASSERT_FALSE(result.has_value()) << value;
      EXPECT_EQ(result.error().code, ErrorCode::invalid_parameter);
      EXPECT_THAT(result.error().detail, HasSubstr(bound.name));
    }
  }
}

TEST(Resolve, ChecksWholeNumbers) {
  using O = SamplingOverrides;
  for (const auto field : {&O::top_k, &O::no_repeat_ngram_size, &O::min_new_tokens}) {
    for (const std::int64_t value :
         {std::int64_t{-1}, std::int64_t{1} << 31, INT64_MIN, INT64_MAX}) {
      SamplingOverrides request;
      request.*field = value;
      EXPECT_FALSE(resolve(request, {}).has_value()) << value;
    }
    SamplingOverrides request;
    request.*field = 3;
    EXPECT_TRUE(resolve(request, {}).has_value());
  }
}

TEST(Resolve, LimitsLists) {
  SamplingOverrides request;
  request.logit_bias.emplace(300, std::pair<TokenId, double>{1, 1.0});
  EXPECT_TRUE(resolve(request, {}).has_value());
  request.logit_bias->emplace_back(2, 1.0);
  EXPECT_FALSE(resolve(request, {}).has_value());
  for (const std::pair<TokenId, double>& bad :
       std::vector<std::pair<TokenId, double>>{{1, 100.5}, {1, -100.5}, {1, kNan}, {-1, 1.0}}) {
    request.logit_bias = {{bad}};
    EXPECT_FALSE(resolve(request, {}).has_value()) << bad.first << " " << bad.second;
  }
  request.logit_bias = {{{1, 100.0}, {2, -100.0}}};
  EXPECT_TRUE(resolve(request, {}).has_value());
  request.bad_words_ids.emplace(1);
  EXPECT_FALSE(resolve(request, {}).has_value());
  request.bad_words_ids = {{{-1}}};
  EXPECT_FALSE(resolve(request, {}).has_value());
  request.bad_words_ids = {{{1, 2}}};
  EXPECT_TRUE(resolve(request, {}).has_value());
}

}  // namespace
}  // namespace hearth::engine

#include "engine/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/sampling/philox.h"
#include "engine/sampling/row_math.h"

namespace hearth::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Known answers of the authors' Random123 distribution (kat_vectors, philox4x32 with 10 rounds).
TEST(Philox, GivesThePublishedNumbers) {
  EXPECT_THAT(philox4x32({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U));
  constexpr std::uint32_t kAll = 0xffffffffU;
  EXPECT_THAT(philox4x32({kAll, kAll, kAll, kAll}, {kAll, kAll}),
              ElementsAre(0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU));
  EXPECT_THAT(
      philox4x32({0x243f6a88U, 0x85a308d3U, 0x13198a2eU, 0x03707344U}, {0xa4093822U, 0x299f31d0U}),
      ElementsAre(0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U));
}

TEST(Philox, UniformIsInTheUnitIntervalAndDependsOnSeedAndPosition) {
  double sum = 0.0;
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const float u = uniform_at(42, i);
    ASSERT_GE(u, 0.0F);
    ASSERT_LT(u, 1.0F);
    sum += static_cast<double>(u);
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.01);
  EXPECT_EQ(uniform_at(42, 7), uniform_at(42, 7));
  EXPECT_NE(uniform_at(42, 7), uniform_at(43, 7));
  EXPECT_NE(uniform_at(1ULL << 40, 7), uniform_at(0, 7));
}

TEST(RowMath, AgreesWithTheLibraryAtEveryLength) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> logit(-90.0F, 12.0F);
  for (std::size_t length = 1; length < 600; length += length < 70 ? 1 : 53) {
    std::vector<float> x(length);
    std::ranges::generate(x, [&] { return logit(random); });
    x[length / 2] = -kInfinity;
    x.back() = 12.0F;
    std::vector<float> out(length);
    const double total = exp_row(x, 12.0F, out);
    double expected_total = 0.0;
    for (std::size_t i = 0; i < length; ++i) {
      const double expected = std::exp(static_cast<double>(x[i] - 12.0F));
      expected_total += expected;
      EXPECT_NEAR(static_cast<double>(out[i]), expected, 3e-7 * expected + 1e-37);
    }
    EXPECT_EQ(out.back(), 1.0F);
    EXPECT_NEAR(total, expected_total, 3e-7 * expected_total);
    EXPECT_NEAR(sum_exp(x, 12.0F), total, 1e-12);
  }
}

TEST(RowMath, FirstMaximumIsTheFirstAtEveryPlaceAndLength) {
  for (std::size_t length = 1; length < 1100; length += length < 40 ? 1 : 97) {
    for (std::size_t place = 0; place < length; place += 1 + length / 13) {
      std::vector<float> x(length, -3.0F);
      x[place] = 2.0F;
      x[length - 1] =
          place == length - 1 ? 2.0F : std::min(2.0F, 1.0F + static_cast<float>(place % 2));
      EXPECT_EQ(first_maximum(x).index, place);
      EXPECT_TRUE(first_maximum(x).is_usable);
      x[length / 2] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_FALSE(first_maximum(x).is_usable);
      x[length / 2] = kInfinity;
      EXPECT_FALSE(first_maximum(x).is_usable);
    }
    EXPECT_FALSE(first_maximum(std::vector<float>(length, -kInfinity)).is_usable);
  }
}

TEST(RowMath, CountsAndFindsLikeAPlainLoop) {
  std::vector<std::uint32_t> listed;
  for (std::size_t length = 1; length < 800; length += length < 40 ? 1 : 61) {
    std::vector<float> x(length);
    for (std::size_t i = 0; i < length; ++i) x[i] = static_cast<float>(i * 7 % 5);
    const RowCounts counts = count_against(x, 2.0F);
    EXPECT_EQ(counts.num_above, std::ranges::count_if(x, [](float v) { return v > 2.0F; }));
    EXPECT_EQ(counts.num_equal, std::ranges::count(x, 2.0F));
    list_at_least(x, 4.0F, listed);
    std::vector<std::uint32_t> expected;
    for (std::uint32_t i = 0; i < length; ++i) {
      if (x[i] >= 4.0F) expected.push_back(i);
    }
    EXPECT_EQ(listed, expected);
    for (std::size_t begin = 0; begin <= length; ++begin) {
      const auto place = std::find_if(x.begin() + static_cast<std::ptrdiff_t>(begin), x.end(),
                                      [](float v) { return v >= 4.0F; });
      EXPECT_EQ(find_at_least(x, 4.0F, begin), static_cast<std::size_t>(place - x.begin()));
    }
    x[length - 1] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(find_at_least(x, 9.0F, 0), length - 1);
    list_at_least(x, 9.0F, listed);
    EXPECT_EQ(listed, (std::vector<std::uint32_t>{static_cast<std::uint32_t>(length - 1)}));
  }
}

class SamplerTest : public ::testing::Test {
 protected:
  Result<TokenRecord> sample(const std::vector<float>& logits, std::uint64_t seed = 0) {
    return sampler.sample(params, {.logits = logits,
                                   .ids = ids,
                                   .num_prompt = num_prompt,
                                   .eos_ids = eos_ids,
                                   .seed = seed,
                                   .num_top = num_top});
  }

  Sampler sampler;
  SamplingParams params;
  std::vector<TokenId> ids{1};
  std::size_t num_prompt = 1;
  std::vector<TokenId> eos_ids;
  std::int64_t num_top = 0;
};

TEST_F(SamplerTest, GreedyTakesTheFirstMaximum) {
  EXPECT_EQ(sample({0.0F, 2.0F, 1.0F, 2.0F})->id, 1);
  EXPECT_EQ(sample({0.0F, 2.0F, 1.0F, 2.0F})->u, 0.0F);
}

TEST_F(SamplerTest, RecordsLogProbabilityAndRankOfTheRawDistribution) {
  params.suppress_tokens = {1, 3};
  num_top = 3;
  const TokenRecord token = sample({0.0F, 2.0F, 1.0F, 2.0F}).value();
  EXPECT_EQ(token.id, 2);
  EXPECT_EQ(token.rank, 2);
  const double total = 1.0 + std::exp(1.0) + 2.0 * std::exp(2.0);
  EXPECT_NEAR(token.logprob, 1.0 - std::log(total), 1e-6);
  ASSERT_EQ(sampler.top_logprobs().size(), 3U);
  EXPECT_EQ(sampler.top_logprobs()[0].id, 1);
  EXPECT_EQ(sampler.top_logprobs()[1].id, 3);
  EXPECT_EQ(sampler.top_logprobs()[2].id, 2);
  EXPECT_NEAR(sampler.top_logprobs()[0].logprob, 2.0 - std::log(total), 1e-6);
}

TEST_F(SamplerTest, TopLogprobsAreAtMostTheVocabulary) {
  num_top = 20;
  ASSERT_TRUE(sample({0.0F, -kInfinity, 1.0F}).has_value());
  EXPECT_EQ(sampler.top_logprobs().size(), 3U);
}

// The likeliest first, equals by id: u walks 2 (0.5), 0 (0.25), 3 (0.25).
TEST_F(SamplerTest, UWalksFromTheLikeliestToTheLeast) {
  params.do_sample = true;
  const std::vector<float> logits{std::log(0.25F), -kInfinity, std::log(0.5F), std::log(0.25F)};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const TokenRecord token = sample(logits, seed).value();
    const TokenId expected = token.u < 0.4999F ? 2 : token.u < 0.7499F ? 0 : 3;
    if (std::abs(token.u - 0.5F) < 1e-3F || std::abs(token.u - 0.75F) < 1e-3F) continue;
    EXPECT_EQ(token.id, expected) << token.u;
  }
}

// 1000 equal tokens: the 64 with the smallest ids are listed, the rest follow by id, so u maps
// straight to an id.
TEST_F(SamplerTest, BeyondTheListedTokensTheDrawGoesById) {
  params.do_sample = true;
  const std::vector<float> logits(1000, 0.5F);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const TokenRecord token = sample(logits, seed).value();
    EXPECT_NEAR(static_cast<double>(token.id), std::floor(static_cast<double>(token.u) * 1000.0),
                1.0);
  }
}

TEST_F(SamplerTest, NumbersThatAreNoneFailTheRequest) {
  for (const bool do_sample : {false, true}) {
    params.do_sample = do_sample;
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity}) {
      const Result<TokenRecord> token = sample({1.0F, bad, 0.0F});
      ASSERT_FALSE(token.has_value());
      EXPECT_THAT(token.error().detail, HasSubstr("not numbers"));
    }
    EXPECT_FALSE(sample({-kInfinity, -kInfinity}).has_value());
  }
}

TEST_F(SamplerTest, SettingsThatLeaveNothingFailTheRequest) {
  params.suppress_tokens = {0, 1};
  const Result<TokenRecord> token = sample({1.0F, 2.0F});
  ASSERT_FALSE(token.has_value());
  EXPECT_THAT(token.error().detail, HasSubstr("leave no token"));
}

TEST_F(SamplerTest, IdsOutsideTheVocabularyHaveNoEffect) {
  ids = {0, 900, -1};
  eos_ids = {77};
  params.repetition_penalty = 1.3;
  params.presence_penalty = 1.0;
  params.suppress_tokens = {5, -3};
  params.bad_words_ids = {{99}};
  params.sequence_bias = {{{123}, 5.0}};
  params.min_new_tokens = 100;
  params.no_repeat_ngram_size = 1;
  EXPECT_EQ(sample({9.0F, 1.0F, 2.0F})->id, 2);
}

TEST_F(SamplerTest, MinNewTokensBansEveryEndUntilThen) {
  eos_ids = {0, 1};
  params.min_new_tokens = 2;
  ids = {1, 2};
  EXPECT_EQ(sample({9.0F, 8.0F, 1.0F})->id, 2);
  ids = {1, 2, 2};
  EXPECT_EQ(sample({9.0F, 8.0F, 1.0F})->id, 0);
}

TEST_F(SamplerTest, LongerBiasesApplyAfterTheirPrefixOnly) {
  params.sequence_bias = {{{4, 5, 0}, 10.0}};
  ids = {4, 5, 3};
  EXPECT_EQ(sample({0.0F, 1.0F})->id, 1);
  ids = {3, 4, 5};
  EXPECT_EQ(sample({0.0F, 1.0F})->id, 0);
}

TEST_F(SamplerTest, ForcedIdsWinOverEverything) {
  params.forced_bos_token_id = 2;
  EXPECT_EQ(sample({5.0F, 4.0F, 0.0F})->id, 2);
  params.forced_bos_token_id = -1;
  params.forced_eos_token_ids = {1};
  params.max_length = 2;
  EXPECT_EQ(sample({5.0F, 4.0F, 0.0F})->id, 1);
}

TEST_F(SamplerTest, ExponentialDecayRaisesTheEndMoreWithEveryToken) {
  eos_ids = {0};
  params.exponential_decay_length_penalty = {.start = 1, .factor = 1.5};
  ids = {1, 1};
  EXPECT_EQ(sample({1.0F, 2.0F})->id, 1);
  ids = {1, 1, 1};  // one past the start: 1 + 1·(1.5 − 1)
  EXPECT_EQ(sample({1.0F, 2.0F})->id, 1);
  ids = {1, 1, 1, 1};  // 1 + 1·(2.25 − 1)
  EXPECT_EQ(sample({1.0F, 2.0F})->id, 0);
}

TEST_F(SamplerTest, EncoderRepetitionPenaltyFavoursThePrompt) {
  params.encoder_repetition_penalty = 2.0;
  ids = {0};
  EXPECT_EQ(sample({1.0F, 1.5F})->id, 0);
}

TEST_F(SamplerTest, RemoveInvalidValuesLetsABrokenRowPass) {
  params.remove_invalid_values = true;
  EXPECT_EQ(sample({std::numeric_limits<float>::quiet_NaN(), 1.0F})->id, 1);
}

// The way that skips sorting against the plain definition, on a real vocabulary's size.
TEST_F(SamplerTest, TopPOnALargeVocabularyKeepsTheSmallestSufficientSet) {
  std::mt19937 random(3);
  std::normal_distribution<float> logit(0.0F, 2.0F);
  std::vector<float> logits(50000);
  std::ranges::generate(logits, [&] { return logit(random); });
  Candidates candidates;
  for (const double p : {0.001, 0.1, 0.5, 0.9, 0.999}) {
    ASSERT_TRUE(candidates.assign(logits, 1.0, 0));
    const double total = candidates.total();
    std::vector<Candidate> sorted(candidates.kept().begin(), candidates.kept().end());
    std::ranges::sort(sorted, is_likelier);
    double mass = 0.0;
    std::size_t count = 0;
    while (mass < p * total) mass += static_cast<double>(sorted[count++].weight);
    candidates.keep_top_p(p);
    EXPECT_NEAR(static_cast<double>(candidates.kept().size()), static_cast<double>(count), 1.0)
        << p;
    EXPECT_NEAR(candidates.total(), mass, 1e-5 * mass);
  }
}

// Rows as a chat model gives them and flat ones, with ties and bans.
TEST(Candidates, TheLikeliestAloneGiveWhatTheWholeRowGives) {
  std::mt19937 random(3);
  for (const float spread : {0.01F, 0.3F, 2.0F, 9.0F}) {
    std::normal_distribution<float> bell(0.0F, spread);
    std::vector<float> row(3000);
    for (float& score : row) score = std::round(bell(random) * 16.0F) / 16.0F;
    for (std::size_t i = 0; i < row.size(); i += 7) row[i] = -kInfinity;
    for (const double temperature : {0.2, 1.0, 3.0}) {
      for (const double mass : {0.1, 0.9, 0.999, 0.9999}) {
        Candidates whole;
        Candidates few;
        ASSERT_TRUE(whole.assign(row, temperature, 0));
        ASSERT_TRUE(few.assign_likeliest(row, temperature, mass));
        whole.keep_top_p(mass);
        few.keep_top_p(mass);
        // The sums over rows of another length round otherwise; so the last one kept may differ.
        const auto ids_of = [](const Candidates& candidates) {
          std::vector<TokenId> ids;
          for (const Candidate& candidate : candidates.kept()) ids.push_back(candidate.id);
          return ids;
        };
        const std::vector<TokenId> a = ids_of(few);
        const std::vector<TokenId> b = ids_of(whole);
        EXPECT_TRUE(std::ranges::includes(a.size() > b.size() ? a : b, a.size() > b.size() ? b : a))
            << spread << " " << mass;
        EXPECT_NEAR(few.total(), whole.total(), 1e-5 * whole.total());
      }
      for (const double u : {0.0, 0.3, 0.77, 0.98, 0.9999}) {
        Candidates whole;
        Candidates few;
        ASSERT_TRUE(whole.assign(row, temperature, 0));
        ASSERT_TRUE(few.assign_likeliest(row, temperature, 0.0));
        EXPECT_EQ(few.draw(u), whole.draw(u)) << spread << " " << u;
      }
    }
  }
}

TEST(Candidates, ARowWithoutAUsableNumberIsRefused) {
  Candidates candidates;
  EXPECT_FALSE(candidates.assign_likeliest(std::vector<float>{-kInfinity, -kInfinity}, 1.0, 0.5));
  EXPECT_FALSE(candidates.assign_likeliest(std::vector<float>{1.0F, kInfinity}, 1.0, 0.5));
  EXPECT_FALSE(candidates.assign_likeliest(std::vector<float>{1.0F, std::nanf("")}, 1.0, 0.5));
}

TEST_F(SamplerTest, TopKKeepsTiesWithTheLast) {
  Candidates candidates;
  ASSERT_TRUE(candidates.assign(std::vector<float>{1.0F, 3.0F, 2.0F, 2.0F, 0.0F, 2.0F}, 1.0, 2));
  EXPECT_EQ(candidates.kept().size(), 4U);
  std::vector<float> many(5000, 0.0F);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i % 2500);
  ASSERT_TRUE(candidates.assign(many, 1.0, 1001));  // past the heap: selection
  EXPECT_EQ(candidates.kept().size(), 1002U);
}

}  // namespace
}  // namespace hearth::engine

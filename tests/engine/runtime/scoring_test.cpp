// Requests that draw little or nothing: texts that are scored, states and class scores of prompts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/runtime/room.h"

namespace hearth::engine::test {
namespace {

using ::testing::HasSubstr;

RoomOptions room_of(std::int64_t num_blocks, std::int64_t max_batch_tokens, bool can_chunk = true) {
  RoomOptions options;
  options.runner.traits.num_blocks = num_blocks;
  options.runner.traits.max_batch_tokens = max_batch_tokens;
  options.runner.traits.can_chunk = can_chunk;
  options.runner.traits.can_cache = can_chunk;
  return options;
}

// The first token is the prompt, the others are scored, then a reply of three.
GenerationRequest scored(RequestId id, const std::vector<TokenId>& text, UserKey user = 1) {
  GenerationRequest request = Room::request_of(id, {.user = user, .prompt = {text.front()}});
  request.forced_ids.assign(text.begin() + 1, text.end());
  request.max_tokens = static_cast<std::int64_t>(text.size()) + 2;
  request.num_top_logprobs = 3;
  return request;
}

void expect_same(const TokenStream& a, const TokenStream& b) {
  ASSERT_EQ(a.published(), b.published());
  for (std::size_t i = 0; i < a.published(); ++i) {
    EXPECT_EQ(a.token(i).id, b.token(i).id) << i;
    EXPECT_EQ(a.token(i).logprob, b.token(i).logprob) << i;
    EXPECT_EQ(a.token(i).rank, b.token(i).rank) << i;
    ASSERT_EQ(a.top_logprobs(i).size(), 3U);
    EXPECT_EQ(a.top_logprobs(i)[2].id, b.top_logprobs(i)[2].id) << i;
  }
}

TEST(ScoredTexts, TakeFewStepsAndGiveWhatOneTokenAStepGives) {
  const std::vector<TokenId> text = prompt_of(150);
  Room slow(room_of(64, 1));
  Room fast(room_of(64, 64));
  slow.submit(scored(1, text));
  fast.submit(scored(1, text));
  slow.run();
  fast.run();
  EXPECT_EQ(slow.runner().num_steps(), 152);
  EXPECT_LE(fast.runner().num_steps(), 8);
  expect_same(slow.stream(1), fast.stream(1));
  EXPECT_EQ(fast.end(1).reason, FinishReason::length);
  EXPECT_EQ(fast.end(1).completion_tokens, 152);
  const std::vector<TokenId> tokens = fast.tokens(1);
  EXPECT_EQ(std::vector<TokenId>(tokens.begin(), tokens.begin() + 149),
            std::vector<TokenId>(text.begin() + 1, text.end()));
  EXPECT_EQ(tokens[149], FakeRunner::next_token(fast.core().traits(), text, 1));
}

TEST(ScoredTexts, AreTheSameWhereAPromptCannotBeCut) {
  const std::vector<TokenId> text = prompt_of(30);
  Room whole(room_of(64, 64, false));
  whole.submit(scored(1, text));
  whole.run();
  const std::vector<TokenId> tokens = whole.tokens(1);
  EXPECT_EQ(std::vector<TokenId>(tokens.begin(), tokens.begin() + 29),
            std::vector<TokenId>(text.begin() + 1, text.end()));
  EXPECT_EQ(tokens[29], FakeRunner::next_token(whole.core().traits(), text, 1));
}

TEST(ScoredTexts, SurviveThatTheirBlocksAreTakenAway) {
  Room alone(room_of(64, 64));
  Room tight(room_of(30, 16));
  for (RequestId id = 1; id <= 4; ++id) {
    const std::vector<TokenId> text = prompt_of(40, static_cast<TokenId>(id));
    alone.submit(scored(id, text, id));
    alone.run();
    tight.submit(scored(id, text, id));
  }
  tight.run();
  EXPECT_TRUE(tight.has_all_blocks_free());
  EXPECT_EQ(tight.runner().num_broken_promises(), 0);
  for (RequestId id = 1; id <= 4; ++id) expect_same(alone.stream(id), tight.stream(id));
}

TEST(ScoredTexts, MayFillTheContextAndTheCache) {
  RoomOptions options = room_of(4, 64);
  options.runner.traits.context_length = 17;  // 16 places, and a token that needs none
  Room room(options);
  GenerationRequest request = scored(1, prompt_of(16));
  request.max_tokens = 16;
  room.submit(request);
  room.run();
  EXPECT_EQ(room.tokens(1).size(), 16U);
  EXPECT_EQ(room.end(1).reason, FinishReason::length);
}

TEST(ScoredTexts, EndAtMaxTokensEvenWhenMoreAreForced) {
  Room room;
  GenerationRequest request = scored(1, prompt_of(20));
  request.max_tokens = 5;
  room.submit(request);
  room.run();
  EXPECT_EQ(room.tokens(1).size(), 5U);
  EXPECT_EQ(room.end(1).completion_tokens, 5);
}

TEST(ScoredTexts, ReportWhatWasScoredWhenTheyAreCancelled) {
  Room room(room_of(64, 8));
  room.submit(scored(1, prompt_of(40)));
  room.step(2);
  const std::size_t published = room.stream(1).published();
  ASSERT_GT(published, 0U);
  ASSERT_LT(published, 39U);
  room.cancel(1);
  EXPECT_EQ(room.end(1).completion_tokens, static_cast<std::int64_t>(published));
}

TEST(ScoredTexts, DoNotSkipWhatThePrefixCacheHas) {
  Room room;
  const std::vector<TokenId> text = prompt_of(40);
  room.ask({.prompt = text});
  room.run();
  room.submit(scored(100, text));
  room.run();
  EXPECT_EQ(room.end(100).cached_tokens, 0);
  EXPECT_EQ(room.tokens(100).size(), 42U);
}

GenerationRequest state_of(RequestId id, const std::vector<TokenId>& text, RequestOutput output) {
  GenerationRequest request = Room::request_of(id, {.prompt = text, .max_tokens = 1});
  request.output = output;
  return request;
}

// What the fake model's states are: the first of each token's logits.
TEST(StatesOfPrompts, AreThoseOfTheFirstTheLastOrAllTokens) {
  const std::vector<TokenId> text = prompt_of(50);
  Room slow(room_of(64, 1));
  std::vector<std::vector<float>> states;
  for (std::size_t i = 1; i <= text.size(); ++i) {
    const RequestId id = i;
    slow.submit(state_of(id, {text.begin(), text.begin() + static_cast<std::ptrdiff_t>(i)},
                         RequestOutput::last_state));
    slow.run();
    states.push_back(slow.end(id).values);
    ASSERT_EQ(states.back().size(), static_cast<std::size_t>(FakeRunner::kStateSize));
  }
  Room room;
  room.submit(state_of(1, text, RequestOutput::last_state));
  room.submit(state_of(2, text, RequestOutput::first_state));
  room.submit(state_of(3, text, RequestOutput::mean_state));
  room.run();
  EXPECT_EQ(room.end(1).values, states.back());
  EXPECT_EQ(room.end(2).values, states.front());
  ASSERT_EQ(room.end(3).values.size(), states.front().size());
  for (std::size_t c = 0; c < states.front().size(); ++c) {
    double sum = 0.0;
    for (const auto& state : states) sum += static_cast<double>(state[c]);
    EXPECT_NEAR(static_cast<double>(room.end(3).values[c]), sum / 50.0, 1e-5);
  }
  for (const RequestId id : {1U, 2U, 3U}) {
    EXPECT_EQ(room.end(id).reason, FinishReason::stop);
    EXPECT_EQ(room.end(id).completion_tokens, 0);
    EXPECT_EQ(room.stream(id).published(), 0U);
  }
}

TEST(StatesOfPrompts, ComeFromThePrefixCacheOnlyWhenTheLastTokenIsEnough) {
  Room room;
  const std::vector<TokenId> text = prompt_of(50);
  room.submit(state_of(1, text, RequestOutput::mean_state));
  room.run();
  room.submit(state_of(2, text, RequestOutput::last_state));
  room.submit(state_of(3, text, RequestOutput::mean_state));
  room.run();
  EXPECT_GE(room.end(2).cached_tokens, 48);
  EXPECT_EQ(room.end(3).cached_tokens, 0);
  EXPECT_EQ(room.end(3).values, room.end(1).values);
}

TEST(StatesOfPrompts, OfATextAsLongAsTheContext) {
  RoomOptions options = room_of(64, 64);
  options.runner.traits.context_length = 40;
  Room room(options);
  room.submit(state_of(1, prompt_of(40), RequestOutput::mean_state));
  room.submit(state_of(2, prompt_of(41), RequestOutput::mean_state));
  room.run();
  EXPECT_EQ(room.end(1).reason, FinishReason::stop);
  EXPECT_EQ(room.end(2).reason, FinishReason::failed);
  EXPECT_THAT(room.end(2).error, HasSubstr("41 tokens; there is room for 40"));
}

TEST(ClassScores, AreThoseOfTheWholePrompt) {
  for (const bool can_chunk : {true, false}) {
    Room room(room_of(64, 64, can_chunk));
    room.submit(state_of(1, prompt_of(50), RequestOutput::class_scores));
    room.run();
    EXPECT_EQ(room.end(1).reason, FinishReason::stop) << room.end(1).error;
    EXPECT_EQ(room.end(1).values.size(), static_cast<std::size_t>(FakeRunner::kStateSize));
  }
}

}  // namespace
}  // namespace hearth::engine::test

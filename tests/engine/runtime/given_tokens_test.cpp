// Replies that begin with tokens decided earlier (continue, branch, step), forced tokens, and what
// an inspected request gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/runtime/room.h"

namespace hearth::engine::test {
namespace {

using ::testing::HasSubstr;

const RunnerTraits kTraits = FakeRunnerOptions{}.traits;

std::vector<TokenRecord> records_of(const std::vector<TokenId>& ids, std::size_t count) {
  std::vector<TokenRecord> records;
  for (std::size_t i = 0; i < count; ++i)
    records.push_back({.id = ids[i], .logprob = -1.0F - static_cast<float>(i), .u = 0.5F});
  return records;
}

class GivenTokens : public ::testing::Test {
 protected:
  GenerationRequest request(std::size_t num_given) {
    GenerationRequest made = Room::request_of(next_id_++, ask);
    made.given = records_of(whole, num_given);
    return made;
  }

  Room room;
  Ask ask{.prompt = prompt_of(10), .max_tokens = 12};
  const std::vector<TokenId> whole = solo(kTraits, ask);

 private:
  RequestId next_id_ = 100;
};

TEST_F(GivenTokens, AreThereBeforeTheFirstStepAndTheReplyGoesOnBehindThem) {
  for (const std::size_t num_given : {1U, 5U, 11U}) {
    const RequestId id = room.submit(request(num_given));
    ASSERT_EQ(room.stream(id).published(), num_given);
    EXPECT_EQ(room.stream(id).token(num_given - 1).logprob, -static_cast<float>(num_given));
    room.run();
    EXPECT_EQ(room.tokens(id), whole);
    EXPECT_EQ(room.end(id).reason, FinishReason::length);
    EXPECT_EQ(room.end(id).prompt_tokens, 10);
    EXPECT_EQ(room.end(id).completion_tokens, 12);
  }
}

TEST_F(GivenTokens, AreComputedWithThePromptInOneGo) {
  const RequestId id = room.submit(request(8));
  room.step();
  EXPECT_EQ(room.runner().num_tokens_in_last_step(), 18);
  EXPECT_EQ(room.stream(id).published(), 9U);
}

// What a step of the step mode costs: the tokens since the last whole block.
TEST_F(GivenTokens, AreFoundInThePrefixCacheWhenTheyWereWrittenHere) {
  room.submit(request(0));
  room.run();
  const std::int64_t before = room.runner().num_tokens();
  room.submit(request(11));
  room.run();
  EXPECT_LE(room.runner().num_tokens() - before, kTraits.block_size + 1);
}

TEST_F(GivenTokens, ThatEndWithAStopIdAreTheWholeReply) {
  GenerationRequest made = request(4);
  made.stop_ids = {whole[3]};
  const RequestId id = room.submit(made);
  ASSERT_TRUE(room.is_finished(id));
  EXPECT_EQ(room.end(id).reason, FinishReason::stop);
  EXPECT_EQ(room.end(id).completion_tokens, 4);
  EXPECT_EQ(room.tokens(id).size(), 4U);
  EXPECT_EQ(room.runner().num_steps(), 0);
}

TEST_F(GivenTokens, ThatFillMaxTokensAreTheWholeReply) {
  const RequestId id = room.submit(request(12));
  ASSERT_TRUE(room.is_finished(id));
  EXPECT_EQ(room.end(id).reason, FinishReason::length);
  EXPECT_EQ(room.end(id).completion_tokens, 12);
}

TEST_F(GivenTokens, MoreThanMaxTokensAreCut) {
  ask.max_tokens = 3;
  const RequestId id = room.submit(request(5));
  EXPECT_EQ(room.tokens(id).size(), 3U);
  EXPECT_EQ(room.end(id).reason, FinishReason::length);
  EXPECT_EQ(room.end(id).completion_tokens, 3);
}

TEST_F(GivenTokens, OutsideTheVocabularyAreRefused) {
  GenerationRequest given = request(1);
  given.given.push_back({.id = 99});
  EXPECT_THAT(room.end(room.submit(given)).error, HasSubstr("99"));
  GenerationRequest forced = request(1);
  forced.forced_ids = {-3};
  EXPECT_THAT(room.end(room.submit(forced)).error, HasSubstr("-3"));
}

TEST_F(GivenTokens, ThatLeaveNoRoomInTheContextAreRefused) {
  RoomOptions options;
  options.runner.traits.context_length = 16;
  Room small(options);
  const RequestId id = small.submit(request(6));
  EXPECT_EQ(small.end(id).reason, FinishReason::failed);
  EXPECT_THAT(small.end(id).error, HasSubstr("16 tokens; there is room for 15"));
}

TEST_F(GivenTokens, ForcedIdTakesThePlaceOfTheDrawAndTheRestFollowsFromIt) {
  GenerationRequest made = request(5);
  const TokenId other = whole[5] == 7 ? 8 : 7;
  made.forced_ids = {other};
  const RequestId id = room.submit(made);
  room.run();
  const std::vector<TokenId> tokens = room.tokens(id);
  EXPECT_EQ(std::vector<TokenId>(tokens.begin(), tokens.begin() + 5),
            std::vector<TokenId>(whole.begin(), whole.begin() + 5));
  EXPECT_EQ(tokens[5], other);
  std::vector<TokenId> ids = ask.prompt;
  ids.insert(ids.end(), tokens.begin(), tokens.begin() + 6);
  EXPECT_EQ(tokens[6], FakeRunner::next_token(kTraits, ids, ask.prompt.size()));
  EXPECT_GT(room.stream(id).token(5).rank, 0);
  EXPECT_LT(room.stream(id).token(5).logprob, 0.0F);
}

TEST_F(GivenTokens, ForcedStopIdEndsTheReply) {
  GenerationRequest made = request(2);
  const TokenId stop = whole[2] == 7 ? 8 : 7;
  made.forced_ids = {stop};
  made.stop_ids = {stop};
  const RequestId id = room.submit(made);
  room.run();
  EXPECT_EQ(room.tokens(id).size(), 3U);
  EXPECT_EQ(room.end(id).reason, FinishReason::stop);
}

TEST_F(GivenTokens, OnlyAnInspectedRequestGetsCandidatesAndOnlyOfDrawnTokens) {
  GenerationRequest made = request(2);
  made.is_inspected = true;
  made.forced_ids = {7};
  const RequestId inspected = room.submit(made);
  const RequestId plain = room.submit(request(2));
  room.run();
  EXPECT_EQ(room.tokens(plain), whole);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(room.stream(plain).candidates(i), nullptr);
  EXPECT_EQ(room.stream(inspected).candidates(1), nullptr);
  for (std::size_t i = 2; i < 12; ++i) {
    const TokenCandidates* const candidates = room.stream(inspected).candidates(i);
    ASSERT_NE(candidates, nullptr);
    EXPECT_EQ(candidates->candidates.size(), 32U);
    const TokenId id = room.stream(inspected).token(i).id;
    EXPECT_EQ(i == 2 ? 7 : candidates->candidates.front().id, id);
  }
}

TEST_F(GivenTokens, CandidatesAreKeptUpToTheirLimit) {
  RoomOptions options;
  options.runner.traits.context_length = 1200;
  options.runner.traits.num_blocks = 400;
  Room large(options);
  ask.max_tokens = 1100;
  GenerationRequest made = request(0);
  made.is_inspected = true;
  const RequestId id = large.submit(made);
  large.run();
  EXPECT_NE(large.stream(id).candidates(GenerationRequest::kInspectedMax - 1), nullptr);
  EXPECT_EQ(large.stream(id).candidates(GenerationRequest::kInspectedMax), nullptr);
}

TEST_F(GivenTokens, PreemptedReplyComesBackWithThem) {
  RoomOptions options;
  options.runner.traits.num_blocks = 8;
  Room tight(options);
  const RequestId other = tight.ask({.user = 2, .prompt = prompt_of(9, 3), .max_tokens = 16});
  const RequestId given = tight.submit(request(6));
  tight.run();
  EXPECT_GT(tight.scheduler().num_preemptions(), 0);
  EXPECT_EQ(tight.tokens(given), whole);
  EXPECT_EQ(tight.tokens(other).size(), 16U);
}

}  // namespace
}  // namespace hearth::engine::test

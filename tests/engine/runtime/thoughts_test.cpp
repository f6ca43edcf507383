// Replies that think first: the budget of their thoughts, and the end of them on request.
#include <gtest/gtest.h>

#include "tests/engine/runtime/room.h"

namespace hearth::engine::test {
namespace {

const RunnerTraits kTraits = FakeRunnerOptions{}.traits;
constexpr TokenId kOpen = 30;
constexpr TokenId kClose = 31;
constexpr TokenId kBreak = 29;

// What a reply is when it is told what its first tokens are and then goes on by itself.
std::vector<TokenId> after(const Ask& ask, const std::vector<TokenId>& begun) {
  std::vector<TokenId> ids = ask.prompt;
  ids.insert(ids.end(), begun.begin(), begun.end());
  while (std::cmp_less(ids.size() - ask.prompt.size(), ask.max_tokens))
    ids.push_back(FakeRunner::next_token(kTraits, ids, ask.prompt.size()));
  return {ids.begin() + static_cast<std::ptrdiff_t>(ask.prompt.size()), ids.end()};
}

class ThoughtBudget : public ::testing::Test {
 protected:
  GenerationRequest request(std::int64_t budget) {
    GenerationRequest made = Room::request_of(next_id_++, ask);
    made.thoughts = {.open = kOpen,
                     .close = kClose,
                     .begins_open = true,
                     .budget = budget,
                     .closing = {kBreak, kClose, kBreak}};
    return made;
  }

  Room room;
  Ask ask{.prompt = prompt_of(10), .max_tokens = 12};
  const std::vector<TokenId> whole = solo(kTraits, ask);

 private:
  RequestId next_id_ = 100;
};

TEST_F(ThoughtBudget, TheFakeModelNeverClosesItsThoughtsByItself) {
  for (const TokenId id : whole) ASSERT_TRUE(id != kOpen && id != kClose);
}

TEST_F(ThoughtBudget, EndsTheThoughtsAfterSoManyTokensAndTheReplyGoesOnBehindTheMark) {
  for (const std::size_t budget : {0U, 1U, 5U}) {
    const RequestId id = room.submit(request(static_cast<std::int64_t>(budget)));
    room.run();
    std::vector<TokenId> begun(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(budget));
    begun.insert(begun.end(), {kBreak, kClose, kBreak});
    EXPECT_EQ(room.tokens(id), after(ask, begun));
  }
}

TEST_F(ThoughtBudget, WithoutOneTheModelThinksAsLongAsItLikes) {
  const RequestId id = room.submit(request(-1));
  room.run();
  EXPECT_EQ(room.tokens(id), whole);
}

TEST_F(ThoughtBudget, OfAReplyThatDoesNotThinkChangesNothing) {
  GenerationRequest made = request(0);
  made.thoughts.begins_open = false;
  const RequestId id = room.submit(std::move(made));
  room.run();
  EXPECT_EQ(room.tokens(id), whole);
}

TEST_F(ThoughtBudget, CountsBehindTheMarkThatTheModelWroteItself) {
  GenerationRequest made = request(2);
  made.thoughts.begins_open = false;
  made.forced_ids = {kOpen};
  const RequestId id = room.submit(std::move(made));
  room.run();
  const std::vector<TokenId> tokens = room.tokens(id);
  EXPECT_EQ(tokens[0], kOpen);
  EXPECT_EQ((std::vector<TokenId>{tokens.begin() + 3, tokens.begin() + 6}),
            (std::vector<TokenId>{kBreak, kClose, kBreak}));
}

TEST_F(ThoughtBudget, IsOverWhereTheModelClosedItsThoughtsItself) {
  GenerationRequest made = request(3);
  made.forced_ids = {whole[0], kClose};
  const RequestId id = room.submit(std::move(made));
  room.run();
  EXPECT_EQ(room.tokens(id), after(ask, {whole[0], kClose}));
}

TEST_F(ThoughtBudget, CountsWhatWasGiven) {
  const RequestId whole_id = room.submit(request(5));
  room.run();
  GenerationRequest made = request(5);
  for (std::size_t i = 0; i < 4; ++i) made.given.push_back({.id = whole[i]});
  const RequestId id = room.submit(std::move(made));
  room.run();
  EXPECT_EQ(room.tokens(id), room.tokens(whole_id));
}

TEST_F(ThoughtBudget, AnswerNowEndsTheThoughtsWithTheNextToken) {
  const RequestId id = room.submit(request(-1));
  room.step();
  room.step();
  const std::vector<TokenId> thought = room.tokens(id);
  ASSERT_EQ(thought.size(), 2U);
  room.core().answer(id);
  room.run();
  EXPECT_EQ(room.tokens(id), after(ask, {thought[0], thought[1], kBreak, kClose, kBreak}));
}

TEST_F(ThoughtBudget, AnswerNowAfterTheThoughtsChangesNothing) {
  const RequestId first = room.submit(request(0));
  room.run();
  const RequestId id = room.submit(request(0));
  room.step(5);
  ASSERT_FALSE(room.is_finished(id));
  room.core().answer(id);
  room.core().answer(12345);
  room.run();
  EXPECT_EQ(room.tokens(id), room.tokens(first));
}

TEST_F(ThoughtBudget, AClosingThatIsNotInTheVocabularyFails) {
  GenerationRequest made = request(0);
  made.thoughts.closing = {static_cast<TokenId>(kTraits.vocab_size)};
  const RequestId id = room.submit(std::move(made));
  ASSERT_TRUE(room.is_finished(id));
  EXPECT_EQ(room.end(id).reason, FinishReason::failed);
}

}  // namespace
}  // namespace hearth::engine::test

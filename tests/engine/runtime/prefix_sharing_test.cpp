// What several ask for at once is computed once, and a conversation goes on where it stopped.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/runtime/room.h"

namespace hearth::engine::test {
namespace {

using ::testing::ElementsAre;

RoomOptions roomy(std::int64_t max_batch_tokens = 64) {
  RoomOptions options;
  options.cost = {.a_s = 0.1, .b_s = 0.001};  // beside one decode: 60 tokens
  options.runner.traits.num_blocks = 400;
  options.runner.traits.context_length = 1024;
  options.runner.traits.max_batch_tokens = max_batch_tokens;
  return options;
}

// 100 tokens of the operator's, then 12 of one's own.
Ask newcomer(UserKey user) {
  Ask ask{.user = user, .prompt = prompt_of(100), .max_tokens = 3, .num_shared_prefix = 100};
  for (const TokenId id : prompt_of(12, static_cast<TokenId>(user) + 9)) ask.prompt.push_back(id);
  return ask;
}

TEST(PrefixSharing, FourNewcomersAtOnceComputeTheOperatorsPromptOnce) {
  Room room(roomy());
  std::vector<RequestId> ids;
  for (UserKey user = 1; user <= 4; ++user) ids.push_back(room.ask(newcomer(user)));
  room.run();
  // One prompt, the others' own 12 tokens, and two decodes each.
  EXPECT_EQ(room.runner().num_tokens(), 112 + 3 * 12 + 4 * 2);
  EXPECT_EQ(room.end(ids[0]).cached_tokens, 0);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(room.end(ids[i]).cached_tokens, 100);
  for (UserKey user = 1; user <= 4; ++user)
    EXPECT_EQ(room.tokens(ids[user - 1]), solo(room.core().traits(), newcomer(user)));
  EXPECT_TRUE(room.has_all_blocks_free());
}

TEST(PrefixSharing, WhoWaitsForAPrefixStartsInTheStepAfterItIsThere) {
  Room room(roomy());
  room.ask(newcomer(1));
  const RequestId second = room.ask(newcomer(2));
  room.step();  // 64 tokens, the step's limit
  EXPECT_FALSE(room.is_running(second));
  EXPECT_EQ(room.stream(second).queue_position(), 0);
  room.step();  // the rest
  room.step();
  EXPECT_EQ(room.tokens(second).size(), 1U);
}

TEST(PrefixSharing, OtherPeopleAreNotHeldUpByThoseWhoWait) {
  Room room(roomy(200));
  room.ask(newcomer(1));
  const RequestId waiting = room.ask(newcomer(2));
  const RequestId other = room.ask({.user = 3, .prompt = prompt_of(8, 5), .max_tokens = 2});
  room.step();
  EXPECT_FALSE(room.is_running(waiting));
  EXPECT_TRUE(room.is_running(other));
}

TEST(PrefixSharing, ALeastServedWaiterLendsItsTurn) {
  Room room(roomy());
  room.ask({.user = 1, .prompt = prompt_of(60, 3), .max_tokens = 50});
  room.step();
  const Ask shared{.user = 1, .prompt = prompt_of(200), .num_shared_prefix = 200};
  const RequestId provider = room.ask(shared);  // of one who is written to: in small pieces
  room.step();
  const std::int64_t alone = room.stream(provider).prefilled_tokens();
  const RequestId long_text = room.ask({.user = 2, .prompt = prompt_of(200, 4), .max_tokens = 2});
  room.step();
  EXPECT_EQ(room.stream(provider).prefilled_tokens(), alone);
  Ask waiter = shared;
  waiter.user = 3;
  const RequestId waiting = room.ask(waiter);
  room.step(2);
  EXPECT_FALSE(room.is_running(waiting));
  EXPECT_GE(room.stream(provider).prefilled_tokens(), alone + 2 * 60);
  EXPECT_EQ(room.stream(long_text).prefilled_tokens(), 60);
  room.run();
}

TEST(PrefixSharing, AFewTokensAreNotWaitedFor) {
  Room room(roomy());
  const Ask first{.user = 1, .prompt = prompt_of(30), .num_shared_prefix = 28};
  Ask second = first;
  second.user = 2;
  room.ask(first);
  const RequestId id = room.ask(second);
  room.step();
  EXPECT_EQ(room.tokens(id).size(), 1U);
}

TEST(PrefixSharing, WhenTheOneWhoComputesIsCancelledTheNextTakesOver) {
  Room room(roomy());
  const RequestId first = room.ask(newcomer(1));
  const RequestId second = room.ask(newcomer(2));
  room.step();
  room.cancel(first);
  room.run();
  EXPECT_EQ(room.end(second).cached_tokens, 64);  // of what the first one had done
  EXPECT_EQ(room.tokens(second), solo(room.core().traits(), newcomer(2)));
}

TEST(PrefixSharing, WhoWaitsMayLeave) {
  Room room(roomy());
  room.ask(newcomer(1));
  const RequestId second = room.ask(newcomer(2));
  room.step();
  room.cancel(second);
  room.run();
  EXPECT_EQ(room.end(second).completion_tokens, 0);
  EXPECT_TRUE(room.has_all_blocks_free());
}

// whoever waits for another's computation learns what the other asked.
TEST(PrefixSharing, NobodyWaitsForWhatIsNotTheirs) {
  Room room(roomy());
  const Ask ask{.user = 1, .prompt = prompt_of(40), .max_tokens = 2};
  room.ask(ask);
  Ask other = ask;
  other.user = 2;
  const RequestId id = room.ask(other);
  room.step();
  EXPECT_TRUE(room.is_running(id));
  room.run();
  EXPECT_EQ(room.end(id).cached_tokens, 0);
}

TEST(PrefixSharing, ATurnWithoutNewTextComputesOneToken) {
  Room room(roomy());
  std::vector<TokenId> history = prompt_of(21);
  const RequestId first = room.ask({.prompt = history, .max_tokens = 6});
  room.run();
  for (const TokenId id : room.tokens(first)) history.push_back(id);
  const RequestId second = room.ask({.prompt = history, .max_tokens = 1});
  const std::int64_t before = room.runner().num_tokens();
  room.step();
  EXPECT_EQ(room.runner().num_tokens() - before, 1);
  EXPECT_EQ(room.end(second).cached_tokens, 26);
}

TEST(PrefixSharing, ATailServesUpToWhereTheTextsPart) {
  Room room(roomy());
  std::vector<TokenId> history = prompt_of(22);
  room.ask({.prompt = history, .max_tokens = 1});
  room.run();
  history[21] = (history[21] + 1) % 32;  // 20 in full blocks, one more the same
  history.push_back(7);
  const Ask turn{.prompt = history, .max_tokens = 5};
  const RequestId id = room.ask(turn);
  room.run();
  EXPECT_EQ(room.end(id).cached_tokens, 21);
  EXPECT_EQ(room.tokens(id), solo(room.core().traits(), turn));
}

TEST(PrefixSharing, ATailBelongsToOneUserAndToTheFirstWhoTakesIt) {
  Room room(roomy());
  const Ask ask{.user = 1, .prompt = prompt_of(22), .max_tokens = 1};
  room.ask(ask);
  room.run();
  Ask longer = ask;
  longer.prompt.push_back(7);
  Ask other = longer;
  other.user = 2;
  const RequestId foreign = room.ask(other);
  const RequestId taker = room.ask(longer);
  const RequestId late = room.ask(longer);
  room.run();
  EXPECT_EQ(room.end(foreign).cached_tokens, 0);
  EXPECT_EQ(room.end(taker).cached_tokens, 22);
  EXPECT_EQ(room.end(late).cached_tokens, 20);
}

TEST(PrefixSharing, ARunnerWithStateKeepsNoTails) {
  RoomOptions options = roomy();
  options.runner.traits.state_bytes = 8;
  Room room(options);
  const Ask ask{.prompt = prompt_of(22), .max_tokens = 1};
  room.ask(ask);
  room.run();
  Ask longer = ask;
  longer.prompt.push_back(7);
  const RequestId id = room.ask(longer);
  room.run();
  EXPECT_EQ(room.end(id).cached_tokens, 20);
}

}  // namespace
}  // namespace hearth::engine::test

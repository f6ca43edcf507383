#include "engine/runtime/scheduler.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/runtime/room.h"

namespace hearth::engine::test {
namespace {

using ::testing::ElementsAre;

RoomOptions with(const std::function<void(RoomOptions&)>& change) {
  RoomOptions options;
  change(options);
  return options;
}

TEST(Scheduler, ALongPromptDoesNotFreezeARunningReply) {
  // A decode alone takes 105 ms. Six tenths of that are twelve prompt tokens.
  Room room(with([](RoomOptions& o) { o.cost = {.a_s = 0.1, .b_s = 0.005}; }));
  const RequestId talking = room.ask({.prompt = prompt_of(5), .max_tokens = 100});
  room.step();
  const RequestId pasting = room.ask({.user = 2, .prompt = prompt_of(100), .max_tokens = 2});
  for (std::size_t step = 1; step <= 5; ++step) {
    room.step();
    EXPECT_EQ(room.tokens(talking).size(), 1 + step);
    EXPECT_THAT(room.runner().row_sizes(), ElementsAre(1, 12));
  }
  EXPECT_EQ(room.stream(pasting).prefilled_tokens(), 60);
}

TEST(Scheduler, AStepSoShortThatNobodySeesItHoldsMorePrompt) {
  Room room(with([](RoomOptions& o) { o.cost = {.a_s = 0.001, .b_s = 0.001}; }));
  room.ask({.prompt = prompt_of(5), .max_tokens = 100});
  room.step();
  room.ask({.user = 2, .prompt = prompt_of(100), .max_tokens = 2});
  room.step();
  EXPECT_THAT(room.runner().row_sizes(), ElementsAre(1, 18));  // 20 ms
}

TEST(Scheduler, PromptsAloneComeInBigChunks) {
  Room room(with([](RoomOptions& o) { o.cost = {.a_s = 0.0, .b_s = 0.0025}; }));
  room.ask({.prompt = prompt_of(100), .max_tokens = 2});
  room.step();
  EXPECT_THAT(room.runner().row_sizes(), ElementsAre(40));  // 100 ms
}

TEST(Scheduler, WhereEveryStepIsSlowPromptsAloneFillFourTimesIt) {
  Room room(with([](RoomOptions& o) { o.cost = {.a_s = 0.5, .b_s = 0.05}; }));
  room.ask({.prompt = prompt_of(100), .max_tokens = 2});
  room.step();
  EXPECT_THAT(room.runner().row_sizes(), ElementsAre(30));
}

TEST(Scheduler, AttendingToALongContextShortensTheChunk) {
  Room room(with([](RoomOptions& o) { o.cost = {.a_s = 0.0, .b_s = 0.01, .c_s = 0.001}; }));
  room.ask({.prompt = prompt_of(200), .max_tokens = 2});
  room.step();
  const std::int64_t first = room.runner().row_sizes().at(0);
  room.step(2);
  EXPECT_LT(room.runner().row_sizes().at(0), first);
}

TEST(Scheduler, PromptsMoveOnEvenWhenEveryTokenIsTooSlow) {
  Room room(with([](RoomOptions& o) { o.cost = {.a_s = 0.0, .b_s = 1.0}; }));
  room.ask({.prompt = prompt_of(5), .max_tokens = 100});
  room.step();
  room.ask({.user = 2, .prompt = prompt_of(100), .max_tokens = 2});
  room.step();
  EXPECT_THAT(room.runner().row_sizes(), ElementsAre(1, 4));
}

TEST(Scheduler, AShortPromptIsNotHeldUpByALongOne) {
  Room room(with([](RoomOptions& o) { o.cost = {.a_s = 0.0, .b_s = 0.0025}; }));
  const RequestId pasting = room.ask({.prompt = prompt_of(200), .max_tokens = 2});
  room.step();
  const RequestId asking = room.ask({.user = 2, .prompt = prompt_of(20), .max_tokens = 2});
  room.step();
  EXPECT_EQ(room.tokens(asking).size(), 1U);
  EXPECT_EQ(room.stream(pasting).prefilled_tokens(), 60);  // 40, then a quarter and what was left
}

TEST(Scheduler, OneUsersRequestsKeepTheirOrder) {
  Room room(with([](RoomOptions& o) { o.runner.traits.max_sequences = 1; }));
  const RequestId first = room.ask({.prompt = prompt_of(50), .max_tokens = 3});
  const RequestId second = room.ask({.prompt = prompt_of(2), .max_tokens = 3});
  while (!room.is_finished(first)) {
    EXPECT_FALSE(room.is_running(second));
    room.step();
  }
  room.run();
}

TEST(Scheduler, UsersTakeTurnsHoweverManyRequestsOneHas) {
  Room room(with([](RoomOptions& o) { o.runner.traits.max_sequences = 1; }));
  std::vector<RequestId> flood;
  for (int i = 0; i < 10; ++i) flood.push_back(room.ask({.prompt = prompt_of(8), .max_tokens = 4}));
  room.step();
  const RequestId polite = room.ask({.user = 2, .prompt = prompt_of(8), .max_tokens = 4});
  room.step();
  EXPECT_EQ(room.stream(polite).queue_position(), 0);
  while (!room.is_finished(polite)) room.step();
  EXPECT_TRUE(room.is_finished(flood[0]));
  EXPECT_FALSE(room.is_finished(flood[1]));
}

TEST(Scheduler, AQuarterOfTheSlotsIsKeptForPeopleWithNothingRunning) {
  Room room;  // 8 slots
  for (int i = 0; i < 20; ++i) room.ask({.prompt = prompt_of(4), .max_tokens = 50});
  room.step(3);
  EXPECT_EQ(room.scheduler().queue().num_running(1), 6);
  const RequestId newcomer = room.ask({.user = 2, .prompt = prompt_of(4), .max_tokens = 50});
  const RequestId its_second = room.ask({.user = 2, .prompt = prompt_of(4), .max_tokens = 50});
  room.step();
  EXPECT_TRUE(room.is_running(newcomer));
  EXPECT_FALSE(room.is_running(its_second));
}

TEST(Scheduler, TheSecondTurnComputesOnlyWhatIsNew) {
  Room room;
  std::vector<TokenId> history = prompt_of(21);
  const RequestId first = room.ask({.prompt = history, .max_tokens = 6});
  room.run();
  for (const TokenId id : room.tokens(first)) history.push_back(id);
  history.insert(history.end(), {1, 2, 3});
  const Ask turn{.prompt = history, .max_tokens = 5};
  const RequestId second = room.ask(turn);
  room.run();
  // 26 of the first turn's 27 tokens were computed: 6 blocks of 4, and half of one.
  EXPECT_EQ(room.end(second).cached_tokens, 26);
  EXPECT_EQ(room.tokens(second), solo(room.core().traits(), turn));
}

TEST(Scheduler, AWhollyCachedPromptStillComputesItsLastBlock) {
  Room room;
  const Ask ask{.prompt = prompt_of(16), .max_tokens = 4};
  room.ask(ask);
  room.run();
  const RequestId again = room.ask(ask);
  room.run();
  EXPECT_EQ(room.end(again).cached_tokens, 12);
  EXPECT_EQ(room.tokens(again), solo(room.core().traits(), ask));
}

// another user's timing tells nothing about what was asked before.
TEST(Scheduler, UsersShareOnlyWholeBlocksOfTheOperatorsPrefix) {
  Room room;
  const Ask ask{.user = 1, .prompt = prompt_of(20), .num_shared_prefix = 10};
  room.ask(ask);
  room.run();
  Ask other = ask;
  other.user = 2;
  const RequestId shared = room.ask(other);
  room.run();
  EXPECT_EQ(room.end(shared).cached_tokens, 8);
  other.user = 3;
  other.num_shared_prefix = 0;
  const RequestId unshared = room.ask(other);
  room.run();
  EXPECT_EQ(room.end(unshared).cached_tokens, 0);
}

TEST(Scheduler, CachedPromptTokensAreNotCharged) {
  Room room(with([](RoomOptions& o) { o.runner.traits.max_sequences = 2; }));
  const RequestId keeps_active =
      room.ask({.user = 9, .prompt = prompt_of(4, 2), .max_tokens = 200});
  const Ask ask{.prompt = prompt_of(20), .max_tokens = 1};
  room.ask(ask);
  room.step();
  const double first = room.scheduler().queue().counter(1);
  EXPECT_EQ(first, 20 + 2);
  room.ask(ask);
  room.step();
  EXPECT_EQ(room.scheduler().queue().counter(1), first + 4 + 2);
  room.cancel(keeps_active);
}

TEST(Scheduler, AHeavierUserPaysLess) {
  Room room;
  room.ask({.user = 9, .prompt = prompt_of(4, 2), .max_tokens = 200});
  room.ask({.user = 1, .prompt = prompt_of(20), .max_tokens = 1, .weight = 4.0});
  room.step();
  EXPECT_EQ(room.scheduler().queue().counter(1), (20 + 2) / 4.0);
}

// 8 blocks of 4: three replies of up to 3 + 20 tokens cannot all stay.
RoomOptions tight() {
  return with([](RoomOptions& o) {
    o.runner.traits.num_blocks = 8;
    o.runner.traits.can_cache = false;
  });
}

TEST(Scheduler, PreemptsTheYoungestOfTheMostServedUserAndLosesNothing) {
  Room room(tight());
  const Ask a{.user = 1, .prompt = prompt_of(3, 1), .max_tokens = 20};
  const Ask b{.user = 2, .prompt = prompt_of(3, 2), .max_tokens = 20};
  const Ask c{.user = 2, .prompt = prompt_of(3, 3), .max_tokens = 20};
  const RequestId first = room.ask(a);
  const RequestId second = room.ask(b);
  const RequestId third = room.ask(c);
  while (room.scheduler().num_preemptions() == 0) room.step();
  EXPECT_TRUE(room.is_running(first));
  EXPECT_TRUE(room.is_running(second));
  EXPECT_FALSE(room.is_running(third));
  room.run();
  EXPECT_EQ(room.tokens(first), solo(room.core().traits(), a));
  EXPECT_EQ(room.tokens(second), solo(room.core().traits(), b));
  EXPECT_EQ(room.tokens(third), solo(room.core().traits(), c));
  EXPECT_TRUE(room.has_all_blocks_free());
}

TEST(Scheduler, TheOldestIsNeverPreemptedThoughItsUserHadMost) {
  Room room(tight());
  const RequestId oldest = room.ask({.user = 1, .prompt = prompt_of(11), .max_tokens = 20});
  const RequestId young = room.ask({.user = 2, .prompt = prompt_of(3), .max_tokens = 25});
  while (!room.is_finished(oldest)) {
    room.step();
    EXPECT_TRUE(room.is_finished(oldest) || room.is_running(oldest));
  }
  EXPECT_GT(room.scheduler().num_preemptions(), 0);
  room.run();
  EXPECT_EQ(room.tokens(young).size(), 25U);
}

TEST(Scheduler, APreemptedPromptIsNotChargedTwice) {
  Room room(tight());
  room.ask({.user = 1, .prompt = prompt_of(11), .max_tokens = 20});
  const RequestId young = room.ask({.user = 2, .prompt = prompt_of(3), .max_tokens = 25});
  while (room.scheduler().num_preemptions() == 0) room.step();
  while (room.tokens(young).size() < 20) room.step();
  EXPECT_LE(room.scheduler().queue().counter(2), 3 + 2 * 20);
  room.run();
}

TEST(Scheduler, AdmissionLeavesASpareBlockForEveryRunningSequence) {
  Room room(tight());
  room.ask({.user = 1, .prompt = prompt_of(16), .max_tokens = 10});  // 4 blocks
  const RequestId big = room.ask({.user = 2, .prompt = prompt_of(16), .max_tokens = 2});
  room.step();
  EXPECT_FALSE(room.is_running(big));  // 4 are free, none would be left
  const RequestId small = room.ask({.user = 3, .prompt = prompt_of(8), .max_tokens = 2});
  room.step();
  EXPECT_FALSE(room.is_running(small));  // nobody overtakes the one whose turn it is
  room.run();
}

TEST(Scheduler, APromptThatMustBeWholeIsOneChunkAndNeverCached) {
  const RoomOptions options = with([](RoomOptions& o) {
    o.runner.traits.can_chunk = false;
    o.runner.traits.can_cache = false;
    o.cost = {.a_s = 1.0, .b_s = 1.0};
  });
  Room room(options);
  const Ask ask{.prompt = prompt_of(60), .max_tokens = 5};
  const RequestId id = room.ask(ask);
  room.step();
  EXPECT_THAT(room.runner().row_sizes(), ElementsAre(60));
  room.run();
  const RequestId again = room.ask(ask);
  room.run();
  EXPECT_EQ(room.end(again).cached_tokens, 0);
  EXPECT_EQ(room.tokens(id), solo(options.runner.traits, ask));
  const RequestId too_long = room.ask({.prompt = prompt_of(65)});
  EXPECT_EQ(room.end(too_long).reason, FinishReason::failed);
}

TEST(Scheduler, AWholePromptThatDoesNotFitBesideTheDecodesGoesAlone) {
  Room room(with([](RoomOptions& o) { o.runner.traits.can_chunk = false; }));
  const RequestId talking = room.ask({.prompt = prompt_of(5), .max_tokens = 100});
  room.step(3);
  room.ask({.user = 2, .prompt = prompt_of(64), .max_tokens = 2});
  room.step();
  EXPECT_THAT(room.runner().row_sizes(), ElementsAre(64));
  EXPECT_EQ(room.tokens(talking).size(), 3U);
  room.step();
  EXPECT_THAT(room.runner().row_sizes(), ElementsAre(1, 1));
}

// One decode alone takes 20 ms, eight of one person's 27.
TEST(Scheduler, AFirstTokenPausesThatPersonsFurtherRepliesForOneStep) {
  Room room(with([](RoomOptions& o) { o.cost = {.a_s = 0.019, .b_s = 0.001}; }));
  for (int i = 0; i < 6; ++i)
    room.ask({.prompt = prompt_of(4, static_cast<TokenId>(i)), .max_tokens = 90});
  while (room.runner().row_sizes() != std::vector<std::int64_t>(6, 1)) room.step();
  const RequestId newcomer = room.ask({.user = 2, .prompt = prompt_of(24, 9), .max_tokens = 90});
  room.step();
  EXPECT_EQ(room.tokens(newcomer).size(), 1U);
  EXPECT_THAT(room.runner().row_sizes(), ElementsAre(1, 24));
  const RequestId another = room.ask({.user = 3, .prompt = prompt_of(4, 8), .max_tokens = 90});
  room.step();
  EXPECT_EQ(room.tokens(another).size(), 1U);
  EXPECT_THAT(room.runner().row_sizes(), ElementsAre(1, 1, 1, 1, 1, 1, 1, 4));  // not twice
}

TEST(Scheduler, PromptsOfPeopleWhoAreWrittenToComeInSmallerPieces) {
  Room room(with([](RoomOptions& o) { o.cost = {.b_s = 0.001, .d_s = 0.099}; }));
  room.ask({.prompt = prompt_of(4), .max_tokens = 90});
  room.step();
  room.ask({.prompt = prompt_of(100, 2), .max_tokens = 2});
  room.step();
  EXPECT_THAT(room.runner().row_sizes(), ElementsAre(1, 30));
  room.ask({.user = 2, .prompt = prompt_of(100, 3), .max_tokens = 2});
  room.step();
  EXPECT_THAT(room.runner().row_sizes(), ElementsAre(1, 60));
}

}  // namespace
}  // namespace hearth::engine::test

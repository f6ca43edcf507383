#include "engine/runtime/engine_core.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/runtime/room.h"

namespace hearth::engine::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const RunnerTraits kTraits = FakeRunnerOptions{}.traits;

TEST(EngineCore, GivesTheTokensOfTheModel) {
  Room room;
  const Ask ask{.prompt = prompt_of(10), .max_tokens = 6};
  const RequestId id = room.ask(ask);
  room.run();
  EXPECT_EQ(room.tokens(id), solo(kTraits, ask));
  EXPECT_EQ(room.end(id).reason, FinishReason::length);
  EXPECT_EQ(room.end(id).prompt_tokens, 10);
  EXPECT_EQ(room.end(id).completion_tokens, 6);
}

TEST(EngineCore, StopIdEndsTheReplyAndIsItsLastToken) {
  Room room;
  Ask ask{.prompt = prompt_of(10), .max_tokens = 20};
  const std::vector<TokenId> reply = solo(kTraits, ask);
  ask.stop_ids = {reply[3]};
  const RequestId id = room.ask(ask);
  room.run();
  const auto first = std::find(reply.begin(), reply.end(), reply[3]);
  EXPECT_EQ(room.tokens(id), std::vector<TokenId>(reply.begin(), first + 1));
  EXPECT_EQ(room.end(id).reason, FinishReason::stop);
}

TEST(EngineCore, IgnoreEosGoesOnToMaxTokens) {
  Room room;
  Ask ask{.prompt = prompt_of(10), .max_tokens = 20};
  const std::vector<TokenId> reply = solo(kTraits, ask);
  GenerationRequest request = Room::request_of(99, ask);
  request.stop_ids = {reply[3]};
  request.ignore_eos = true;
  room.submit(request);
  room.run();
  EXPECT_EQ(room.tokens(99), reply);
  EXPECT_EQ(room.end(99).reason, FinishReason::length);
}

TEST(EngineCore, ReplyEndsWhereTheContextEnds) {
  RoomOptions options;
  options.runner.traits.context_length = 16;
  Room room(options);
  const RequestId id = room.ask({.prompt = prompt_of(12), .max_tokens = 100});
  room.run();
  EXPECT_EQ(room.tokens(id).size(), 4U);
  EXPECT_EQ(room.end(id).reason, FinishReason::length);
}

TEST(EngineCore, RequestsThatCouldNeverRunEndFailedAtOnce) {
  RoomOptions options;
  options.runner.traits.context_length = 16;
  Room room(options);
  const RequestId empty = room.ask({.prompt = {}});
  const RequestId too_long = room.ask({.prompt = prompt_of(16)});
  const RequestId no_tokens = room.ask({.prompt = prompt_of(3), .max_tokens = 0});
  const RequestId unknown_id = room.ask({.prompt = {1, 32}});
  const RequestId no_weight = room.ask({.prompt = {1}, .weight = 0.0});
  const RequestId fits = room.ask({.prompt = prompt_of(15), .max_tokens = 9});
  EXPECT_THAT(room.end(empty).error, HasSubstr("no tokens"));
  EXPECT_THAT(room.end(too_long).error, HasSubstr("16 tokens; there is room for 15"));
  EXPECT_THAT(room.end(no_tokens).error, HasSubstr("max_tokens"));
  EXPECT_THAT(room.end(unknown_id).error, HasSubstr("32"));
  EXPECT_THAT(room.end(no_weight).error, HasSubstr("weight"));
  EXPECT_EQ(room.end(empty).reason, FinishReason::failed);
  room.step();
  EXPECT_THAT(room.last_changed,
              UnorderedElementsAre(empty, too_long, no_tokens, unknown_id, no_weight, fits));
  EXPECT_EQ(room.tokens(fits).size(), 1U);
}

TEST(EngineCore, AnIdInUseIsRefusedAndItsOwnerGoesOn) {
  Room room;
  const Ask ask{.prompt = prompt_of(5)};
  const RequestId id = room.ask(ask);
  GenerationRequest again = Room::request_of(id, ask);
  auto stream = std::make_shared<TokenStream>(again);
  room.core().submit(again, stream);
  EXPECT_THAT(stream->finished()->error, HasSubstr("already in use"));
  room.run();
  EXPECT_EQ(room.tokens(id), solo(kTraits, ask));
}

TEST(EngineCore, CancelTakesEffectBetweenPrefillChunks) {
  Room room;
  const RequestId id = room.ask({.prompt = prompt_of(200), .max_tokens = 9});
  room.step();
  EXPECT_EQ(room.stream(id).prefilled_tokens(), 64);  // the step's limit
  room.cancel(id);
  EXPECT_EQ(room.end(id).reason, FinishReason::cancelled);
  EXPECT_TRUE(room.has_all_blocks_free());
  room.step();
  EXPECT_EQ(room.runner().num_steps(), 1);
}

TEST(EngineCore, CancelKeepsWhatWasSaid) {
  Room room;
  const RequestId id = room.ask({.prompt = prompt_of(5), .max_tokens = 50});
  room.step(3);
  room.cancel(id);
  EXPECT_EQ(room.tokens(id).size(), 3U);
  EXPECT_EQ(room.end(id).completion_tokens, 3);
  room.cancel(id);     // ended
  room.cancel(12345);  // never was
}

TEST(EngineCore, CancelWhileWaitingFreesThePlaceInTheQueue) {
  RoomOptions options;
  options.runner.traits.max_sequences = 1;
  Room room(options);
  const RequestId first = room.ask({.prompt = prompt_of(5)});
  const RequestId second = room.ask({.user = 2, .prompt = prompt_of(6)});
  const RequestId third = room.ask({.user = 3, .prompt = prompt_of(7)});
  room.step();
  EXPECT_EQ(room.stream(first).queue_position(), -1);
  EXPECT_EQ(room.stream(second).queue_position(), 0);
  EXPECT_EQ(room.stream(third).queue_position(), 1);
  room.cancel(second);
  room.step();
  EXPECT_EQ(room.stream(third).queue_position(), 0);
  room.run();
  EXPECT_EQ(room.end(second).reason, FinishReason::cancelled);
  EXPECT_EQ(room.end(second).completion_tokens, 0);
  EXPECT_EQ(room.end(third).reason, FinishReason::length);
}

TEST(EngineCore, AFailingRowHarmsNobodyElse) {
  Room room;
  const Ask good{.prompt = prompt_of(9, 3), .max_tokens = 8};
  const RequestId bad = room.ask({.prompt = prompt_of(5), .max_tokens = 8});
  const RequestId other = room.ask(good);
  room.runner().faults.fail_row = [](std::int64_t step, const BatchRow& row) {
    return step == 2 && row.prompt_length == 5 ? "NaN in the logits" : "";
  };
  room.run();
  EXPECT_EQ(room.end(bad).reason, FinishReason::failed);
  EXPECT_EQ(room.end(bad).error, "NaN in the logits");
  EXPECT_EQ(room.tokens(bad).size(), 2U);
  EXPECT_EQ(room.tokens(other), solo(kTraits, good));
}

TEST(EngineCore, AFailingStepEndsItsRequestsAndTheNextOneServes) {
  Room room;
  const Ask ask{.prompt = prompt_of(5), .max_tokens = 8};
  room.runner().faults.fail_step = [](std::int64_t step) {
    return step < 20 ? "out of memory" : "";
  };
  std::vector<RequestId> lost;
  for (int i = 0; i < 20; ++i) {
    lost.push_back(room.ask(ask));
    room.step();
  }
  for (const RequestId id : lost) {
    EXPECT_EQ(room.end(id).reason, FinishReason::failed);
    EXPECT_EQ(room.end(id).error, "out of memory");
  }
  const RequestId id = room.ask(ask);
  room.run();
  EXPECT_EQ(room.tokens(id), solo(kTraits, ask));
}

TEST(EngineCore, ARunnerThatThrowsCostsThatStepOnly) {
  RoomOptions options;
  options.runner.traits.max_sequences = 1;
  Room room(options);
  const Ask ask{.prompt = prompt_of(5), .max_tokens = 8};
  const RequestId hit = room.ask(ask);
  const RequestId waiting = room.ask(ask);
  room.runner().faults.throw_in_step = [](std::int64_t step) {
    return step == 1 ? "bad_alloc" : "";
  };
  room.run();
  EXPECT_EQ(room.end(hit).reason, FinishReason::failed);
  EXPECT_THAT(room.end(hit).error, HasSubstr("bad_alloc"));
  EXPECT_EQ(room.tokens(waiting), solo(kTraits, ask));
}

TEST(EngineCore, EndAllEndsEverybodyOnce) {
  RoomOptions options;
  options.runner.traits.max_sequences = 2;
  Room room(options);
  std::vector<RequestId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(room.ask({.prompt = prompt_of(5), .max_tokens = 30}));
  room.step(2);
  room.core().end_all(FinishReason::cancelled, {});
  for (const RequestId id : ids) EXPECT_EQ(room.end(id).reason, FinishReason::cancelled);
  EXPECT_FALSE(room.core().has_work());
  EXPECT_TRUE(room.has_all_blocks_free());
  EXPECT_EQ(room.last_changed, ids);
}

TEST(EngineCore, CallsTheListenerOncePerStepWithWhatChanged) {
  Room room;
  const RequestId a = room.ask({.prompt = prompt_of(5), .max_tokens = 2});
  const RequestId b = room.ask({.user = 2, .prompt = prompt_of(6), .max_tokens = 3});
  room.step();
  EXPECT_EQ(room.num_calls, 1);
  EXPECT_THAT(room.last_changed, ElementsAre(a, b));
  room.step(2);
  EXPECT_EQ(room.num_calls, 3);
  EXPECT_THAT(room.last_changed, ElementsAre(b));
  room.step();  // nothing left, nothing to say
  EXPECT_EQ(room.num_calls, 3);
}

TEST(EngineCore, TimesAreOfTheRequestsOwnLife) {
  RoomOptions options;
  options.runner.traits.max_sequences = 1;
  Room room(options);
  room.ask({.prompt = prompt_of(5), .max_tokens = 1});
  const RequestId id = room.ask({.prompt = prompt_of(100), .max_tokens = 2});
  room.now_s = 1.0;
  room.step();  // the first one, whole
  room.now_s = 3.0;
  room.step();  // 64 of 100
  room.now_s = 4.0;
  room.step();
  room.now_s = 4.5;
  room.step();
  EXPECT_DOUBLE_EQ(room.end(id).queue_ms, 3000.0);
  EXPECT_DOUBLE_EQ(room.end(id).prefill_ms, 1000.0);
  EXPECT_DOUBLE_EQ(room.end(id).decode_ms, 500.0);
}

TEST(EngineCore, SampledTokensComeFromSeedAndPositionNotFromTheBatch) {
  GenerationRequest request = Room::request_of(50, {.prompt = prompt_of(9), .max_tokens = 12});
  request.sampling.do_sample = true;
  request.seed = 7;
  request.num_top_logprobs = 3;
  Room alone;
  alone.submit(request);
  alone.run();
  Room full;
  for (UserKey user = 2; user < 8; ++user)
    full.ask({.user = user, .prompt = prompt_of(8 + user), .max_tokens = 20});
  full.step(2);
  full.submit(request);
  full.run();
  EXPECT_EQ(full.tokens(50), alone.tokens(50));
  EXPECT_NE(alone.tokens(50), solo(kTraits, {.prompt = request.prompt_ids, .max_tokens = 12}));
  EXPECT_EQ(alone.stream(50).top_logprobs(0).size(), 3U);
  request.id = 51;
  request.seed = 8;
  alone.submit(request);
  alone.run();
  EXPECT_NE(alone.tokens(51), alone.tokens(50));
}

TEST(EngineCore, DrawsTheSameTokensOnAnyNumberOfWorkers) {
  Room alone;
  RoomOptions options;
  options.runner.num_workers = 3;
  Room together(options);
  for (RequestId id = 50; id < 58; ++id) {
    GenerationRequest request =
        Room::request_of(id, {.user = id, .prompt = prompt_of(id - 45), .max_tokens = 12});
    request.sampling.do_sample = id % 3 != 0;
    request.sampling.temperature = 0.5F + 0.1F * static_cast<float>(id - 50);
    request.sampling.repetition_penalty = id % 2 == 0 ? 1.3F : 1.0F;
    request.seed = id;
    request.num_top_logprobs = static_cast<std::int64_t>(id - 50) % 4;
    request.is_inspected = id % 4 == 1;
    alone.submit(request);
    together.submit(request);
  }
  alone.run();
  together.run();
  for (RequestId id = 50; id < 58; ++id) {
    SCOPED_TRACE(id);
    ASSERT_EQ(together.tokens(id), alone.tokens(id));
    EXPECT_EQ(together.tokens(id).size(), 12U);
    for (std::size_t i = 0; i < 12; ++i) {
      const auto top = alone.stream(id).top_logprobs(i);
      const auto other = together.stream(id).top_logprobs(i);
      ASSERT_EQ(other.size(), (id - 50) % 4);
      ASSERT_EQ(top.size(), other.size());
      for (std::size_t t = 0; t < top.size(); ++t) EXPECT_EQ(other[t].id, top[t].id);
      EXPECT_EQ(together.stream(id).candidates(i) != nullptr, id % 4 == 1);
    }
  }
}

}  // namespace
}  // namespace hearth::engine::test

// Whatever people do, in whatever order: everyone gets the tokens they would get alone, exactly one
// end, and every block comes back.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/engine/runtime/room.h"

namespace hearth::engine::test {
namespace {

RoomOptions any_options() {
  RoomOptions options;
  RunnerTraits& t = options.runner.traits;
  t.block_size = *rc::gen::inRange(1, 6);
  t.num_blocks = *rc::gen::inRange(6, 40);
  t.max_sequences = *rc::gen::inRange(1, 7);
  t.max_batch_tokens = *rc::gen::inRange(4, 48);
  t.can_chunk = *rc::gen::weightedElement<bool>({{4, true}, {1, false}});
  t.can_cache = t.can_chunk && *rc::gen::weightedElement<bool>({{4, true}, {1, false}});
  t.context_length = 64;
  options.cost.b_s = *rc::gen::element(0.0001, 0.005, 0.05);
  return options;
}

// Few prefixes, so that many requests share one.
Ask any_ask(int user, int kind, int length, int max_tokens) {
  return {.user = static_cast<UserKey>(user),
          .prompt = prompt_of(static_cast<std::size_t>(length), static_cast<TokenId>(kind)),
          .max_tokens = max_tokens,
          .stop_ids = {3},
          .num_shared_prefix = static_cast<std::size_t>(kind) * 3};
}

class Watched {
 public:
  explicit Watched(const RoomOptions& options) : room(options) {}

  void ask(const Ask& ask) { asked[room.ask(ask)] = ask; }

  void step() {
    room.step();
    poison_what_is_nobodys();
    check_accounts();
  }

  // Every free block that the prefix cache does not vouch for.
  void poison_what_is_nobodys() {
    const BlockManager& blocks = room.scheduler().blocks();
    for (BlockId block = 0; block < blocks.num_blocks(); ++block) {
      if (blocks.references(block) == 0 && !blocks.is_findable(block)) room.runner().poison(block);
    }
  }

  void check_accounts() {
    const BlockManager& blocks = room.scheduler().blocks();
    std::map<BlockId, std::int32_t> holders;
    std::set<std::int32_t> slots;
    std::map<UserKey, std::int64_t> num_running;
    for (const Sequence* sequence : room.scheduler().running()) {
      RC_ASSERT(slots.insert(sequence->slot).second);
      ++num_running[sequence->request.user];
      for (const BlockId block : sequence->block_table) ++holders[block];
    }
    for (BlockId block = 0; block < blocks.num_blocks(); ++block) {
      RC_ASSERT(blocks.references(block) == (holders.contains(block) ? holders[block] : 0));
    }
    RC_ASSERT(blocks.num_free() == blocks.num_blocks() - static_cast<std::int64_t>(holders.size()));
    for (const auto& [user, count] : num_running)
      RC_ASSERT(room.scheduler().queue().num_running(user) == count);
    RC_ASSERT(room.runner().num_broken_promises() == 0);
  }

  void finish() {
    for (int steps = 0; room.core().has_work(); ++steps) {
      RC_ASSERT(steps < 20000);  // far above the longest honest schedule: nobody waits for ever
      step();
    }
    RC_ASSERT(room.has_all_blocks_free());
    RC_ASSERT(room.scheduler().queue().num_users_known() == 0U);
    for (const auto& [id, ask] : asked) check_reply(id, ask);
  }

  void check_reply(RequestId id, const Ask& ask) {
    RC_ASSERT(room.is_finished(id));
    const FinishedEvent& end = room.end(id);
    const std::vector<TokenId> tokens = room.tokens(id);
    RC_ASSERT(end.completion_tokens == static_cast<std::int64_t>(tokens.size()));
    const std::vector<TokenId> expected = solo(room.core().traits(), ask);
    RC_ASSERT(tokens.size() <= expected.size());
    RC_ASSERT(std::equal(tokens.begin(), tokens.end(), expected.begin()));
    if (end.reason == FinishReason::stop) RC_ASSERT(tokens == expected);
    if (end.reason == FinishReason::length && tokens.size() < expected.size()) {
      // Cut by the context or by all the blocks there are, and not one token early.
      const RunnerTraits& t = room.core().traits();
      const auto num_ids = static_cast<std::int64_t>(ask.prompt.size() + tokens.size());
      RC_ASSERT(num_ids == std::min(t.context_length, t.num_blocks * t.block_size + 1));
    }
  }

  Room room;
  std::map<RequestId, Ask> asked;
};

using Action = std::tuple<int, int, int, int, int>;

std::vector<Action> any_actions() {
  return *rc::gen::container<std::vector<Action>>(
      rc::gen::tuple(rc::gen::inRange(0, 10), rc::gen::inRange(0, 4), rc::gen::inRange(1, 4),
                     rc::gen::inRange(1, 40), rc::gen::inRange(1, 20)));
}

void play(Watched& watched, const std::vector<Action>& actions) {
  for (const auto& [action, user, kind, length, max_tokens] : actions) {
    if (action < 5) {
      watched.ask(any_ask(user, kind, length, max_tokens));
    } else if (action < 6) {
      watched.room.cancel(static_cast<RequestId>(length));
      watched.check_accounts();
    } else {
      for (int i = 0; i < kind; ++i) watched.step();
    }
  }
}

RC_GTEST_PROP(ScheduleProperties, EveryoneGetsTheirSoloTokensAndOneEnd, ()) {
  Watched watched(any_options());
  play(watched, any_actions());
  watched.finish();
  for (const auto& [id, ask] : watched.asked) {
    const FinishedEvent& end = watched.room.end(id);
    RC_ASSERT(end.reason != FinishReason::failed || end.completion_tokens == 0);
  }
}

RC_GTEST_PROP(ScheduleProperties, FailuresHarmOnlyThoseTheyHit, ()) {
  Watched watched(any_options());
  const int every = *rc::gen::inRange(3, 20);
  std::set<std::int64_t> hit_steps;
  watched.room.runner().faults.fail_row = [every](std::int64_t step, const BatchRow& row) {
    return (step * 31 + row.slot * 17) % every == 0 ? "NaN" : "";
  };
  watched.room.runner().faults.fail_step = [every](std::int64_t step) {
    return step % (3 * every) == 7 ? "out of memory" : "";
  };
  watched.room.runner().faults.throw_in_step = [every](std::int64_t step) {
    return step % (5 * every) == 9 ? "bug" : "";
  };
  play(watched, any_actions());
  watched.finish();
}

RC_GTEST_PROP(ScheduleProperties, EndingEverythingAtAnyMomentEndsEachOnce, ()) {
  Watched watched(any_options());
  play(watched, any_actions());
  watched.room.core().end_all(FinishReason::cancelled, {});
  watched.finish();
}

}  // namespace
}  // namespace hearth::engine::test

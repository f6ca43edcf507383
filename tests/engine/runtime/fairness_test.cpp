// Who gets how much of the machine: the bound of the virtual token counter, nobody's credit for
// idling, and nobody who starves.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <random>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/engine/runtime/room.h"

namespace hearth::engine::test {
namespace {

// A user who always has more requests waiting than there are slots, and what the engine did for
// them.
class Backlogged {
 public:
  Backlogged(Room& room, UserKey user, double weight, std::uint64_t seed, int prompt_max,
             int reply_max)
      : room_(room),
        user_(user),
        weight_(weight),
        random_(seed),
        prompt_(1, prompt_max),
        reply_(1, reply_max) {}

  void keep_waiting() {
    settle();
    const auto num_waiting = std::ranges::count_if(
        live_, [&](RequestId id) { return room_.stream(id).queue_position() >= 0; });
    for (auto i = num_waiting; i <= room_.core().traits().max_sequences; ++i) {
      live_.push_back(room_.ask({.user = user_,
                                 .prompt = prompt_of(static_cast<std::size_t>(prompt_(random_)),
                                                     static_cast<TokenId>(user_)),
                                 .max_tokens = reply_(random_),
                                 .weight = weight_}));
    }
  }

  // Prompt tokens admitted and twice the tokens produced, over the weight, as an outsider sees it.
  double service() const {
    double tokens = ended_tokens_;
    for (const RequestId id : live_) tokens += tokens_of(id);
    return tokens / weight_;
  }

 private:
  double tokens_of(RequestId id) const {
    if (room_.stream(id).queue_position() >= 0) return 0.0;
    const Sequence* sequence = room_.scheduler().find(id);
    const std::int64_t num_prompt =
        sequence != nullptr ? sequence->num_prompt() : room_.end(id).prompt_tokens;
    return static_cast<double>(num_prompt) +
           2.0 * static_cast<double>(room_.stream(id).published());
  }

  void settle() {
    for (const RequestId id : live_) {
      if (room_.is_finished(id)) ended_tokens_ += tokens_of(id);
    }
    std::erase_if(live_, [&](RequestId id) { return room_.is_finished(id); });
  }

  Room& room_;
  UserKey user_;
  double weight_;
  std::mt19937_64 random_;
  std::uniform_int_distribution<int> prompt_;
  std::uniform_int_distribution<int> reply_;
  double ended_tokens_ = 0.0;
  std::vector<RequestId> live_;
};

// |W_a − W_b| ≤ 2·max(w_p·longest prompt, w_q·tokens that run at once): theorem 4.4 of arXiv
// 2401.00588, here per unit of weight.
RC_GTEST_PROP(Fairness, TwoBackloggedUsersStayWithinTheBound, ()) {
  RoomOptions options;
  options.runner.traits.can_cache = false;
  options.runner.traits.max_sequences = *rc::gen::inRange(1, 8);
  const int prompt_max_a = *rc::gen::inRange(1, 60);
  const int prompt_max_b = *rc::gen::inRange(1, 60);
  const int reply_max_a = *rc::gen::inRange(1, 40);
  const int reply_max_b = *rc::gen::inRange(1, 40);
  const double weight_b = *rc::gen::element(1.0, 1.0, 2.0, 0.5);
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  Room room(options);
  Backlogged a(room, 1, 1.0, seed, prompt_max_a, reply_max_a);
  Backlogged b(room, 2, weight_b, seed + 1, prompt_max_b, reply_max_b);
  // Tokens that run at once: every slot with the longest prompt and the longest reply.
  const double running_max =
      options.runner.traits.max_sequences *
      (std::max(prompt_max_a, prompt_max_b) + std::max(reply_max_a, reply_max_b));
  const double bound = 2.0 * 2.0 * running_max / std::min(1.0, weight_b);
  for (int step = 0; step < 200; ++step) {
    a.keep_waiting();
    b.keep_waiting();
    room.step();
    RC_ASSERT(std::abs(a.service() - b.service()) <= bound);
  }
  RC_ASSERT(a.service() + b.service() > 200.0);  // work went on
}

RoomOptions one_at_a_time() {
  RoomOptions options;
  options.runner.traits.max_sequences = 1;
  options.runner.traits.can_cache = false;
  return options;
}

TEST(Fairness, AnIdleHourIsNoCredit) {
  Room room(one_at_a_time());
  for (int i = 0; i < 200; ++i) room.ask({.user = 1, .prompt = prompt_of(20), .max_tokens = 5});
  for (int i = 0; i < 100 * 5; ++i) room.step();
  // The other one comes back with fifty requests at once.
  std::vector<RequestId> back;
  for (int i = 0; i < 50; ++i)
    back.push_back(room.ask({.user = 2, .prompt = prompt_of(20), .max_tokens = 5}));
  const double before = room.scheduler().queue().counter(1);
  for (int i = 0; i < 20 * 5; ++i) room.step();
  const double served = room.scheduler().queue().counter(1) - before;
  EXPECT_NEAR(served, 20 * (20 + 10) / 2.0, 60.0);  // half of what was done
  const auto num_done =
      std::ranges::count_if(back, [&](RequestId id) { return room.is_finished(id); });
  EXPECT_NEAR(static_cast<double>(num_done), 10.0, 1.0);
}

TEST(Fairness, NewPeopleWithoutEndDoNotStarveAnyone) {
  Room room(one_at_a_time());
  // Somebody with a long history of service, and a new person for every request that ends.
  const RequestId heavy = room.ask({.user = 1, .prompt = prompt_of(200), .max_tokens = 20});
  const RequestId starving = room.ask({.user = 1, .prompt = prompt_of(10), .max_tokens = 2});
  UserKey newcomer = 100;
  int steps = 0;
  for (; !room.is_finished(starving); ++steps) {
    ASSERT_LT(steps, 10000);
    while (room.scheduler().queue().num_waiting() < 5)
      room.ask({.user = newcomer++, .prompt = prompt_of(2), .max_tokens = 1});
    room.step();
  }
  EXPECT_TRUE(room.is_finished(heavy));
  EXPECT_LT(steps, 2 * FairQueue::kPassedOverMax);
}

TEST(Fairness, IdlePeopleAreForgottenOnceItMakesNoDifference) {
  Room room(one_at_a_time());
  room.ask({.user = 1, .prompt = prompt_of(4), .max_tokens = 250});
  for (UserKey user = 2; user < 20; ++user)
    room.ask({.user = user, .prompt = prompt_of(4), .max_tokens = 2});
  room.run();
  EXPECT_EQ(room.scheduler().queue().num_users_known(), 0U);
}

TEST(Fairness, TheNumberOfIdlePeopleRememberedIsBounded) {
  RoomOptions options;
  options.runner.traits.can_cache = false;
  options.runner.traits.max_sequences = 2;
  options.runner.traits.context_length = 100000;
  options.runner.traits.num_blocks = 30000;
  Room room(options);
  room.ask({.user = 1, .prompt = prompt_of(1), .max_tokens = 99000});
  room.step();
  for (UserKey user = 2; user < 2 + FairQueue::kIdleUsersMax + 50; ++user) {
    room.ask({.user = user, .prompt = prompt_of(1), .max_tokens = 1});
    room.step();
  }
  EXPECT_LE(room.scheduler().queue().num_users_known(), FairQueue::kIdleUsersMax + 2);
  EXPECT_GT(room.scheduler().queue().num_users_known(), FairQueue::kIdleUsersMax / 2);
}

}  // namespace
}  // namespace hearth::engine::test

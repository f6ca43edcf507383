// A day in a room, on a virtual clock: the real scheduler, a machine as slow as the reference one,
// and people who come and go.
#include <algorithm>
#include <cmath>
#include <map>
#include <queue>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/engine/runtime/room.h"

namespace hearth::engine::test {
namespace {

constexpr StepCost kMachine{.a_s = 0.020, .b_s = 0.001};
constexpr UserKey kFlooder = 1000;

RoomOptions room_options() {
  RoomOptions options;
  options.cost = kMachine;
  options.runner.traits.max_sequences = 16;
  options.runner.traits.num_blocks = 400;
  options.runner.traits.max_batch_tokens = 512;
  return options;
}

struct Arrival {
  double at_s = 0.0;
  Ask ask;
};

// Log-normal lengths, as chats have; Poisson arrivals.
std::vector<Arrival> chats(std::size_t count, double per_second, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> gap(per_second);
  std::lognormal_distribution<double> length(2.5, 0.8);
  const auto tokens = [&] { return std::clamp(static_cast<int>(length(random)), 1, 100); };
  std::vector<Arrival> arrivals;
  double at_s = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    at_s += gap(random);
    const UserKey user = 1 + random() % 30;
    arrivals.push_back(
        {at_s,
         {.user = user,
          .prompt = prompt_of(static_cast<std::size_t>(tokens()), static_cast<TokenId>(user)),
          .max_tokens = tokens()}});
  }
  return arrivals;
}

class Day {
 public:
  Day() {
    room.runner().after_step = [this] {
      const auto tokens = static_cast<double>(room.runner().num_tokens_in_last_step());
      room.now_s += kMachine.a_s + kMachine.b_s * tokens;
    };
  }

  void play(const std::vector<Arrival>& arrivals, int flood_width) {
    std::size_t next = 0;
    while (next < arrivals.size() || room.core().has_work()) {
      if (!room.core().has_work()) room.now_s = std::max(room.now_s, arrivals[next].at_s);
      for (; next < arrivals.size() && arrivals[next].at_s <= room.now_s; ++next) {
        ids.push_back(room.ask(arrivals[next].ask));
        late_ms.push_back(1e3 * (room.now_s - arrivals[next].at_s));
      }
      if (next < arrivals.size()) keep_flooding(flood_width);
      room.step();
    }
  }

  // Milliseconds from the intended arrival to the first token, at that share of all polite
  // requests.
  double ttft_ms(double share) const {
    std::vector<double> times;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      times.push_back(late_ms[i] + room.end(ids[i]).queue_ms + room.end(ids[i]).prefill_ms);
    }
    std::ranges::sort(times);
    return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
  }

  Room room{room_options()};
  std::vector<RequestId> ids;
  std::vector<double> late_ms;

 private:
  void keep_flooding(int width) {
    std::erase_if(flood_, [&](RequestId id) { return room.is_finished(id); });
    while (static_cast<int>(flood_.size()) < width) {
      flood_.push_back(room.ask({.user = kFlooder,
                                 .prompt = prompt_of(60, static_cast<TokenId>(num_asked_++)),
                                 .max_tokens = 40}));
    }
  }

  std::vector<RequestId> flood_;
  int num_asked_ = 0;
};

TEST(Simulation, TenThousandRequestsAllEndAndEveryBlockComesBack) {
  Day day;
  day.play(chats(10000, 12.0, 1), 0);
  for (const RequestId id : day.ids) ASSERT_EQ(day.room.end(id).reason, FinishReason::length);
  EXPECT_TRUE(day.room.has_all_blocks_free());
  EXPECT_EQ(day.room.runner().num_broken_promises(), 0);
  EXPECT_EQ(day.room.scheduler().queue().num_users_known(), 0U);
}

// VTC end to end: fifty parallel requests of one person, and a room of thirty who chat.
TEST(Simulation, AFlooderAtMostDoublesTheOthersWaitForTheirFirstToken) {
  const std::vector<Arrival> arrivals = chats(1500, 4.0, 2);
  Day calm;
  calm.play(arrivals, 0);
  Day flooded;
  flooded.play(arrivals, 50);
  EXPECT_LE(flooded.ttft_ms(0.95), 2.0 * calm.ttft_ms(0.95));
}

// The hardest comparison: alone, nobody's step is under way when a message comes.
TEST(Simulation, AFlooderAtMostDoublesTheWaitOfOneWhoWasAlone) {
  std::vector<Arrival> arrivals;
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> pause(1.0, 3.0);
  for (double at_s = 1.0; arrivals.size() < 300; at_s += pause(random)) {
    std::vector<TokenId> prompt = prompt_of(30);  // no two alike
    prompt[0] = static_cast<TokenId>(arrivals.size() % 32);
    prompt[1] = static_cast<TokenId>(arrivals.size() / 32);
    arrivals.push_back({at_s, {.user = 1, .prompt = prompt, .max_tokens = 8}});
  }
  Day calm;
  calm.play(arrivals, 0);
  Day flooded;
  flooded.play(arrivals, 50);
  EXPECT_LE(flooded.ttft_ms(0.95), 2.0 * calm.ttft_ms(0.95));
}

}  // namespace
}  // namespace hearth::engine::test

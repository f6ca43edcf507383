// The overload ladder: what each step refuses, and that it is left later than it is reached.
#include "server/session/overload.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "server/session/admission.h"
#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

UserId user(int number) {
  UserId id;
  id.bytes[0] = static_cast<std::uint8_t>(number);
  id.bytes[1] = static_cast<std::uint8_t>(number >> 8);
  return id;
}

int level_at(Overload& overload, double memory) {
  overload.set_memory(memory);
  return overload.level();
}

TEST(Overload, MemoryClimbsAtSeventyEightyFiveAndNinetyFivePercent) {
  Overload overload(256);
  EXPECT_EQ(level_at(overload, 0.0), 0);
  EXPECT_EQ(level_at(overload, 0.699), 0);
  EXPECT_EQ(level_at(overload, 0.70), 1);
  EXPECT_EQ(level_at(overload, 0.849), 1);
  EXPECT_EQ(level_at(overload, 0.85), 2);
  EXPECT_EQ(level_at(overload, 0.949), 2);
  EXPECT_EQ(level_at(overload, 0.95), 3);
  EXPECT_EQ(level_at(overload, 7.0), 3);
}

TEST(Overload, EachStepIsLeftTenPercentLower) {
  Overload overload(256);
  EXPECT_EQ(level_at(overload, 0.96), 3);
  EXPECT_EQ(level_at(overload, 0.85), 3);
  EXPECT_EQ(level_at(overload, 0.849), 2);
  EXPECT_EQ(level_at(overload, 0.75), 2);
  EXPECT_EQ(level_at(overload, 0.749), 1);
  EXPECT_EQ(level_at(overload, 0.60), 1);
  EXPECT_EQ(level_at(overload, 0.599), 0);
  EXPECT_EQ(level_at(overload, 0.69), 0);
}

TEST(Overload, RepliesClimbToTheSecondStepWhereTheyAreFullAndNoFurther) {
  Overload overload(85);
  const auto level = [&](int live) {
    overload.set_live(live);
    return overload.level();
  };
  EXPECT_EQ(level(69), 0);
  EXPECT_EQ(level(70), 1);
  EXPECT_EQ(level(84), 1);
  EXPECT_EQ(level(85), 2);
  EXPECT_EQ(level(1000), 2);
  EXPECT_EQ(level(75), 2);
  EXPECT_EQ(level(74), 1);
  EXPECT_EQ(level(60), 1);
  EXPECT_EQ(level(59), 0);
}

TEST(Overload, TheHigherGaugeCounts) {
  Overload overload(10);
  overload.set_live(10);
  EXPECT_EQ(overload.level(), 2);
  EXPECT_EQ(level_at(overload, 0.99), 3);
  overload.set_live(0);
  EXPECT_EQ(overload.level(), 3);
  EXPECT_EQ(level_at(overload, 0.0), 0);
}

TEST(AdmissionLadder, MemoryAboveEightyFivePercentRefusesWhatIsNewAndNothingElse) {
  Admission admission{ServiceLimits{}};
  const Admission::Ticket running = *admission.enter(user(1));
  admission.set_memory(0.84);
  EXPECT_TRUE(admission.enter(user(2)));
  admission.set_memory(0.86);
  EXPECT_EQ(admission.enter(user(2)).error().code, ErrorCode::busy);
  EXPECT_EQ(admission.live(), 1) << "who runs goes on, who is refused takes no place";
  admission.set_memory(0.80);
  EXPECT_FALSE(admission.enter(user(2))) << "not before 75 %";
  admission.set_memory(0.70);
  EXPECT_TRUE(admission.enter(user(2)));
}

TEST(AdmissionLadder, AFullServerTakesTheNextWhenItHasRoomForSome) {
  ServiceLimits limits;
  limits.live_total = 100;
  Admission admission{limits};
  std::vector<Admission::Ticket> tickets;
  for (int i = 0; i < 100; ++i) tickets.push_back(*admission.enter(user(i)));
  EXPECT_EQ(admission.overload_level(), 2);
  EXPECT_EQ(admission.enter(user(200)).error().code, ErrorCode::busy);
  tickets.resize(89);
  EXPECT_FALSE(admission.enter(user(200)));
  tickets.resize(88);
  EXPECT_TRUE(admission.enter(user(200)));
}

constexpr Milliseconds kMeasured{500};
constexpr std::int64_t kSocket = 16 * 1024;  // what one that does nothing counts
constexpr std::int64_t kReply = 8 * 1024;

struct FullRoom : testing::Room {
  static Limits sized(std::int64_t bytes) {
    Limits limits;
    limits.service.memory = bytes;
    return limits;
  }
  FullRoom(std::int64_t bytes, int num_idle) : Room(sized(bytes)) {
    for (int i = 0; i < num_idle; ++i) idle.push_back(enter());
  }
  int level() const { return service->admission().overload_level(); }
  int num_turned_out() const {
    return static_cast<int>(std::count_if(
        idle.begin(), idle.end(), [](const auto& tab) { return tab->close_code() == 1013; }));
  }
  std::vector<std::unique_ptr<testing::Tab>> idle;
};

TEST(OverloadService, SocketsAndRepliesAreWhatCounts) {
  FullRoom room(10 * kSocket, 6);
  room.tick(kMeasured);
  EXPECT_EQ(room.level(), 0);
  room.idle.push_back(room.enter());
  room.ask(*room.idle.back(), "hi");
  room.tick(kMeasured);
  EXPECT_EQ(room.level(), 1);
  EXPECT_GE(room.service->admission().memory_used() * 10 * kSocket, 7 * kSocket + kReply);
}

TEST(OverloadService, AtTheThirdStepIdleSocketsAreClosedAndWhoReadsAReplyGetsItsEnd) {
  FullRoom room(10 * kSocket, 9);
  const auto reader = room.enter();
  room.ask(*reader, "hi");
  room.tick(kMeasured);
  EXPECT_EQ(room.level(), 3);
  EXPECT_EQ(room.num_turned_out(), 3) << "as many as it takes to come below 80 %";
  room.write(room.last(), "Hello");
  room.finish(room.last());
  EXPECT_EQ(reader->receive_all("done").size(), 1U);
  for (const auto& tab : room.idle) {
    if (tab->close_code()) tab->close();
  }
  room.tick(kMeasured);
  EXPECT_LT(room.level(), 3);
  EXPECT_EQ(room.num_turned_out(), 3) << "and nobody more";
}

TEST(OverloadService, SocketsOnTheirWayOutAreNotCountedTwice) {
  FullRoom room(10 * kSocket - kSocket / 2, 10);  // 2.4 sockets above 80 %
  room.tick(kMeasured);
  const int first = room.num_turned_out();
  EXPECT_EQ(first, 3);
  room.tick(kMeasured);
  EXPECT_EQ(room.level(), 3) << "they are still there";
  EXPECT_EQ(room.num_turned_out(), first);
}

TEST(OverloadService, FromTheFirstStepAReplyWithoutAViewerEndsAfterAMinute) {
  for (const std::int64_t bytes : {10 * kSocket, 1000 * kSocket}) {
    FullRoom room(bytes, 7);
    const auto asker = room.enter();
    room.ask(*asker, "hi");
    room.write(room.last(), "a");
    asker->close();
    room.tick(kMeasured);
    EXPECT_FALSE(room.engine.requests.at(room.last()).is_cancelled);
    room.tick(std::chrono::seconds(60));
    EXPECT_EQ(room.engine.requests.at(room.last()).is_cancelled, bytes == 10 * kSocket);
  }
}

TEST(OverloadService, FromTheFirstStepAReplyThatEndedIsLookedUpInTheHistoryAfterTenSeconds) {
  for (const std::int64_t bytes : {10 * kSocket, 100 * kSocket}) {
    FullRoom room(bytes, 6);
    const auto asker = room.enter();
    const auto stream = room.ask(*asker, "hi")["stream"];
    room.write(room.last(), "Hello");
    room.finish(room.last());
    room.tick(kMeasured);
    const bool is_scarce = bytes == 10 * kSocket;
    EXPECT_EQ(room.level(), is_scarce ? 1 : 0);
    const double before = room.service->admission().memory_used() * static_cast<double>(bytes);
    room.tick(std::chrono::seconds(10));
    room.tick(kMeasured);
    const double after = room.service->admission().memory_used() * static_cast<double>(bytes);
    EXPECT_EQ(after < before - 0.9 * static_cast<double>(kReply), is_scarce);
    asker->receive();
    asker->send({{"type", "stream.attach"}, {"id", "a"}, {"stream", stream}, {"have", 0}});
    room.settle();
    const auto events = asker->receive();
    EXPECT_EQ(events.back()["type"], "done");
    EXPECT_EQ(events.at(events.size() - 2)["type"], is_scarce ? "snapshot" : "delta");
  }
}

}  // namespace
}  // namespace hearth::server

#include "server/session/queue_forecast.h"

#include <gtest/gtest.h>

#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::json;
using testing::Room;

constexpr Milliseconds kSecond{1000};

TEST(QueueForecast, SaysNothingBeforeItHasMeasured) {
  QueueForecast forecast;
  EXPECT_TRUE(forecast.start_times({{0, 100}}, {{0, 100}}).empty());
  forecast.note_progress(0, 1, kSecond);  // a prompt is being read
  EXPECT_TRUE(forecast.start_times({{0, 100}}, {{0, 100}}).empty());
}

TEST(QueueForecast, TheNextTakesThePlaceThatIsFreeFirst) {
  QueueForecast forecast;
  forecast.note_progress(20, 2, kSecond);  // ten tokens a second each
  const auto starts = forecast.start_times({{0, 100}, {0, 40}}, {{0, 30}, {0, 10}, {0, 10}});
  ASSERT_EQ(starts.size(), 3U);
  EXPECT_EQ(starts[0], Milliseconds(4000));  // after the shorter one
  EXPECT_EQ(starts[1], Milliseconds(7000));  // after the first that waited
  EXPECT_EQ(starts[2], Milliseconds(8000));
}

TEST(QueueForecast, APromptCountsButLess) {
  QueueForecast forecast;
  forecast.note_progress(10, 1, kSecond);
  EXPECT_EQ(forecast.start_times({{100, 0}}, {{0, 1}}).front(), Milliseconds(1000));
}

TEST(QueueForecast, LearnsHowLongRepliesAre) {
  QueueForecast forecast;
  const std::int64_t before = forecast.expected_tokens(0, 4096);
  for (int i = 0; i < 100; ++i) forecast.note_end(1000);
  EXPECT_GT(forecast.expected_tokens(0, 4096), before);
  EXPECT_NEAR(static_cast<double>(forecast.expected_tokens(0, 4096)), 1000.0, 10.0);
  EXPECT_EQ(forecast.expected_tokens(0, 64), 64);  // never more than it may have
  EXPECT_EQ(forecast.expected_tokens(60, 64), 4);
  EXPECT_GT(forecast.expected_tokens(5000, 8192), 0);  // longer than usual: still going on
}

TEST(QueueForecast, AWaitingReplyIsToldWhatIsAheadAndForHowLong) {
  Limits limits;
  limits.service.running_per_user = 1;
  Room room(limits);
  auto tab = room.enter();
  room.ask(*tab, "first", {{"params", {{"max_tokens", 100}}}});
  const auto running = room.last();
  room.write(running, std::string(10, 'x'));
  room.tick(Milliseconds(500));
  room.ask(*tab, "second");
  tab->receive();
  room.write(running, std::string(10, 'x'));
  room.tick(Milliseconds(500));  // ten tokens in half a second: twenty a second
  room.tick(Milliseconds(500));
  auto told = tab->receive_all("queued");
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back()["position"], 1);
  EXPECT_EQ(told.back()["of"], 1);
  // Of the hundred that the first may have, twenty are written; the fake engine reports no prompt
  // read.
  EXPECT_EQ(told.back()["ahead_tokens"], 80 + 12);
  EXPECT_GT(told.back()["eta_ms"], 1000);
  EXPECT_LT(told.back()["eta_ms"], 20'000);
}

TEST(QueueForecast, AnEstimateThatHardlyMovesIsNotToldAgain) {
  Limits limits;
  limits.service.running_per_user = 1;
  Room room(limits);
  auto tab = room.enter();
  room.ask(*tab, "first");
  room.write(room.last(), "x");
  room.ask(*tab, "second");
  room.tick(Milliseconds(500));
  tab->receive();
  for (int i = 0; i < 20; ++i) room.tick(Milliseconds(500));
  EXPECT_LE(tab->receive_all("queued").size(), 2U);
}

}  // namespace
}  // namespace hearth::server

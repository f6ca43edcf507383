#include "server/session/connection.h"

#include <gtest/gtest.h>

#include "server/session/events.h"
#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::FakeClock;
using testing::json;

// A connection whose owner only writes down what it hears.
class ConnectionTest : public ::testing::Test {
 protected:
  ConnectionTest() { open(); }

  void open() {
    connection = std::make_shared<Connection>(
        Connection::Options{User{}, [this] { ++wakes; }},
        ConnectionEvents{
            [this](Connection&, ClientMessage message) { heard.push_back(std::move(message)); },
            [this](Connection&) { ++closed; }},
        limits, time.clock(), SessionId{});
  }
  void greet() {
    connection->on_text(R"({"type":"hello"})");
    connection->become_ready(User{});
  }
  std::vector<json> take() {
    std::vector<json> events;
    while (auto frame = connection->take_frame()) events.push_back(json::parse(*frame));
    return events;
  }
  void wait(Milliseconds duration) {
    time.advance(duration);
    connection->on_tick();
  }
  int code() const { return connection->wants_close() ? connection->wants_close()->code : 0; }

  FakeClock time;
  Limits limits;
  std::shared_ptr<Connection> connection;
  std::vector<ClientMessage> heard;
  int wakes = 0;
  int closed = 0;
};

TEST_F(ConnectionTest, WithoutHelloInTimeItCloses4408) {
  wait(Milliseconds(4999));
  EXPECT_EQ(code(), 0);
  wait(Milliseconds(1));
  EXPECT_EQ(code(), 4408);
}

TEST_F(ConnectionTest, AfterHelloItStaysOpen) {
  greet();
  wait(std::chrono::hours(1));
  EXPECT_EQ(code(), 0);
}

TEST_F(ConnectionTest, TheThirdStrikeCloses4400AndEachIsAnswered) {
  greet();
  for (int i = 0; i < 2; ++i) connection->on_text("nonsense");
  EXPECT_EQ(code(), 0);
  connection->on_text("nonsense");
  EXPECT_EQ(code(), 4400);
  EXPECT_EQ(take().size(), 3U);
  connection->on_text(R"({"type":"ping","t":1})");
  EXPECT_TRUE(take().empty());
}

TEST_F(ConnectionTest, AValueOutOfRangeIsNoStrike) {
  greet();
  for (int i = 0; i < 10; ++i)
    connection->on_text(R"({"type":"history.list","id":"h","limit":1000})");
  EXPECT_EQ(code(), 0);
}

TEST_F(ConnectionTest, HelloComesFirstAndOnce) {
  connection->on_text(R"({"type":"history.clear","id":"h"})");
  EXPECT_EQ(take().at(0)["error"]["code"], "invalid_message");
  greet();
  connection->on_text(R"({"type":"hello"})");
  EXPECT_EQ(take().at(0)["error"]["code"], "invalid_message");
  EXPECT_EQ(heard.size(), 1U);
}

TEST_F(ConnectionTest, FramesAreSmallBeforeReadyAndLargerAfter) {
  const auto frame = [](std::size_t size) {
    std::string text = R"({"type":"hello","x":")";
    return text + std::string(size - text.size() - 2, 'x') + "\"}";
  };
  connection->on_text(frame(64 * 1024 + 1));
  EXPECT_EQ(code(), 1009);
  EXPECT_EQ(take().at(0)["error"]["code"], "message_too_large");
  open();
  connection->on_text(frame(64 * 1024));
  EXPECT_EQ(code(), 0);
  connection->become_ready(User{});
  connection->on_text(frame(1024 * 1024));
  EXPECT_EQ(code(), 0);
  connection->on_text(frame(1024 * 1024 + 1));
  EXPECT_EQ(code(), 1009);
}

TEST_F(ConnectionTest, FortyMessagesAtOnceThenTwentyASecond) {
  greet();
  for (int i = 1; i < 40; ++i) connection->on_text(R"({"type":"ping","t":1})");
  take();
  connection->on_text(R"({"type":"history.clear","id":"late"})");
  const auto refused = take();
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0]["error"]["code"], "rate_limited");
  EXPECT_EQ(refused[0]["re"], "late");
  EXPECT_EQ(refused[0]["error"]["retry_after_ms"], 100);
  time.advance(Milliseconds(100));
  connection->on_text(R"({"type":"ping","t":1})");
  EXPECT_EQ(take().at(0)["type"], "pong");
}

TEST_F(ConnectionTest, AFloodCloses4429) {
  greet();
  int sent = 1;
  for (; code() == 0 && sent < 1000; ++sent) {
    connection->on_text(R"({"type":"ping","t":1})");
    take();
  }
  EXPECT_EQ(code(), 4429);
  EXPECT_EQ(sent, 81);  // 40 pass, 40 are refused, the next one closes
}

TEST_F(ConnectionTest, PingIsAnsweredWithItsNumber) {
  greet();
  connection->on_text(R"({"type":"ping","t":1765432100123})");
  EXPECT_EQ(take().at(0), json({{"type", "pong"}, {"t", 1765432100123}}));
}

TEST_F(ConnectionTest, WakesWhenThereIsSomethingToTake) {
  greet();
  EXPECT_EQ(wakes, 0);
  connection->send(pong_event("1"));
  EXPECT_EQ(wakes, 1);
}

TEST_F(ConnectionTest, AReaderThatTakesNothingFor15SecondsIsClosedAtOnceWith4498) {
  greet();
  connection->send(pong_event("1"));
  wait(Milliseconds(14'999));
  EXPECT_EQ(code(), 0);
  wait(Milliseconds(1));
  EXPECT_EQ(code(), 4498);
  EXPECT_TRUE(connection->wants_close()->at_once);
  EXPECT_FALSE(connection->take_frame().has_value());
}

TEST_F(ConnectionTest, AReaderWithNothingToTakeIsNotSlow) {
  greet();
  connection->send(pong_event("1"));
  take();
  wait(std::chrono::hours(1));
  connection->send(pong_event("1"));
  wait(Milliseconds(14'999));
  EXPECT_EQ(code(), 0);
}

TEST_F(ConnectionTest, AnOutboxFullOfEventsCloses4498) {
  greet();
  for (int i = 0; i < 64; ++i) connection->send(pong_event("1"));
  EXPECT_EQ(code(), 0);
  connection->send(pong_event("1"));
  EXPECT_EQ(code(), 4498);
  EXPECT_EQ(connection->outbox_bytes(), 0U);
}

TEST_F(ConnectionTest, WhatWasSentBeforeACloseIsStillTaken) {
  greet();
  connection->send_delta(Delta{.from = 0, .to = 1, .text = "a", .lp = {0.0F}, .bytes = {1}});
  take();
  connection->send_delta(Delta{.from = 1, .to = 2, .text = "b", .lp = {0.0F}, .bytes = {1}});
  connection->close(1012, "restart");
  EXPECT_EQ(take().size(), 1U);
  EXPECT_EQ(code(), 1012);
}

TEST_F(ConnectionTest, TheOwnerHearsOnceThatItClosed) {
  greet();
  connection->on_closed();
  connection->on_closed();
  EXPECT_EQ(closed, 1);
  connection->send(pong_event("1"));
  EXPECT_FALSE(connection->take_frame().has_value());
  EXPECT_EQ(wakes, 0);
}

}  // namespace
}  // namespace hearth::server

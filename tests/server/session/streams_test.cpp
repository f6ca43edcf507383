// Replies belong to the service: sockets come, go, lag and come back (reliability §2.3–2.5,
// features §3.1).
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::json;
using testing::Room;
using testing::Tab;

// What a client keeps of one stream.
struct Client {
  std::size_t have = 0;
  std::string text;
  json done;

  void read(Tab& tab) {
    for (const json& event : tab.receive()) {
      if (event["type"] == "delta") {
        ASSERT_EQ(event["from"], have);
        have = event["to"];
        text += event["text"];
      } else if (event["type"] == "snapshot") {
        have = event["to"];
        text = event["parts"][0]["text"];
      } else if (event["type"] == "done") {
        ASSERT_TRUE(done.is_null());
        done = event;
      }
    }
  }
};

json attach(const json& stream, std::size_t have) {
  return {{"type", "stream.attach"}, {"id", "a"}, {"stream", stream}, {"have", have}};
}

TEST(Streams, AReplyGoesOnWithoutItsSocketAndIsAttachedToAgain) {
  Room room;
  const User user = room.new_user();
  auto tab = room.enter(user);
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "one ");
  Client client;
  client.read(*tab);
  tab->close();
  room.write(room.last(), "two ");
  auto again = room.enter(user);
  again->send(attach(accepted["stream"], client.have));
  room.write(room.last(), "three");
  room.finish(room.last());
  client.read(*again);
  EXPECT_EQ(client.text, "one two three");
  EXPECT_EQ(client.done["to"], client.have);
}

TEST(Streams, AttachAnswersStateThenTheMissingTextThenLive) {
  Room room;
  const User user = room.new_user();
  auto tab = room.enter(user);
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "one two ");
  auto second = room.enter(user);
  second->send(attach(accepted["stream"], 4));
  const auto events = second->receive();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0]["type"], "result");
  EXPECT_EQ(events[0]["data"],
            json({{"stream", accepted["stream"]}, {"state", "running"}, {"to", 8}}));
  EXPECT_EQ(events[1]["type"], "started");
  EXPECT_EQ(events[2]["from"], 4);
  EXPECT_EQ(events[2]["text"], "two ");
  room.write(room.last(), "three");
  room.finish(room.last());
  Client rest{.have = 8, .text = {}, .done = {}};
  rest.read(*second);
  EXPECT_EQ(rest.text, "three");
  EXPECT_EQ(rest.done["to"], 13);
}

TEST(Streams, ABrokenRangeGetsASnapshot) {
  Room room;
  auto tab = room.enter();
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "one");
  tab->receive();
  tab->send(attach(accepted["stream"], 100));
  const auto events = tab->receive();
  EXPECT_EQ(events.back()["type"], "snapshot");
  EXPECT_EQ(events.back()["to"], 3);
  EXPECT_EQ(events.back()["parts"][0]["text"], "one");
}

TEST(Streams, OfAnEndedReplyComesASnapshotAndDone) {
  Room room;
  auto tab = room.enter();
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "one");
  room.finish(room.last());
  tab->receive();
  room.tick(std::chrono::minutes(3));  // out of memory, into the store alone
  tab->send(attach(accepted["stream"], 0));
  room.settle();
  const auto events = tab->receive();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0]["data"]["state"], "done");
  EXPECT_EQ(events[1]["parts"][0]["text"], "one");
  EXPECT_EQ(events[2]["to"], 3);
}

TEST(Streams, TwoTabsSeeTheSame) {
  Room room;
  const User user = room.new_user();
  auto first = room.enter(user);
  auto second = room.enter(user);
  const json accepted = room.ask(*first, "hi");
  second->send(attach(accepted["stream"], 0));
  Client a;
  Client b;
  for (const char* piece : {"one ", "two ", "three"}) {
    room.write(room.last(), piece);
    room.tick();
    a.read(*first);
    b.read(*second);
  }
  room.finish(room.last());
  a.read(*first);
  b.read(*second);
  EXPECT_EQ(a.text, "one two three");
  EXPECT_EQ(b.text, a.text);
  EXPECT_EQ(a.done, b.done);
}

// P2 in the small: whenever the socket is cut and wherever the client was, the text is that of an
// uninterrupted reader.
RC_GTEST_PROP(Streams, AnyCutsGiveTheSameText, (const std::vector<std::uint8_t>& script)) {
  Room room;
  const User user = room.new_user();
  auto tab = room.enter(user);
  const json accepted = room.ask(*tab, "hi");
  const std::string reply = "héllo 你好, this is a reply that is cut at many places 🔥🔥";
  std::size_t written = 0;
  Client client;
  for (const std::uint8_t step : script) {
    if (step % 5 == 0) {
      tab->close();
      tab = room.enter(user);
      tab->send(attach(accepted["stream"], client.have));
    } else if (step % 5 == 1) {
      client.read(*tab);
    } else {
      const std::size_t size = std::min<std::size_t>(step % 4, reply.size() - written);
      room.write(room.last(), std::string_view(reply).substr(written, size));
      written += size;
    }
    room.tick();
  }
  room.write(room.last(), std::string_view(reply).substr(written));
  room.finish(room.last());
  client.read(*tab);
  RC_ASSERT(client.text == reply);
  RC_ASSERT(client.done["to"] == client.have);
}

TEST(Streams, WithoutAViewerARunningReplyEndsAfterTenMinutes) {
  Room room;
  auto tab = room.enter();
  room.ask(*tab, "hi");
  room.write(room.last(), "one");
  tab->close();
  room.tick(std::chrono::minutes(9));
  EXPECT_FALSE(room.engine.requests.at(room.last()).is_cancelled);
  room.tick(std::chrono::minutes(1));
  EXPECT_TRUE(room.engine.requests.at(room.last()).is_cancelled);
}

TEST(Streams, WithoutAViewerAQueuedReplyKeepsItsPlaceForThirty) {
  Room room;
  auto tab = room.enter();
  room.ask(*tab, "hi");
  tab->close();
  room.tick(std::chrono::minutes(29));
  EXPECT_FALSE(room.engine.requests.at(room.last()).is_cancelled);
  room.tick(std::chrono::minutes(1));
  EXPECT_TRUE(room.engine.requests.at(room.last()).is_cancelled);
}

// The scene: eight people; one cancels, one disconnects, one never reads. The others'
// replies are unchanged.
TEST(Streams, EightPeopleDoNotDisturbOneAnother) {
  Limits limits;
  limits.service.max_tokens = 20'000;
  Room room(limits);
  room.service->set_model(
      {.id = "test", .state = ModelState::ready, .info = testing::byte_model(100'000)});
  std::vector<std::unique_ptr<Tab>> tabs;
  std::vector<json> accepted;
  std::vector<Client> clients(8);
  for (int i = 0; i < 8; ++i) {
    tabs.push_back(room.enter());
    accepted.push_back(room.ask(*tabs.back(), "hi", {{"params", {{"max_tokens", 20'000}}}}));
  }
  const std::vector<engine::RequestId> ids = room.engine.order;
  constexpr std::size_t kCancels = 2, kLeaves = 4, kNeverReads = 6;
  const auto is_steady = [&](std::size_t i) {
    return i != kCancels && i != kLeaves && i != kNeverReads;
  };
  std::string expected;
  for (int step = 0; step < 2000; ++step) {
    if (step == 100)
      tabs[kCancels]->send(
          {{"type", "chat.cancel"}, {"id", "x"}, {"stream", accepted[kCancels]["stream"]}});
    if (step == 150) tabs[kLeaves]->close();
    const std::string piece = std::to_string(step) + " ";
    expected += piece;
    for (std::size_t i = 0; i < 8; ++i) {
      if (i == kCancels && step > 100) {
        ASSERT_TRUE(room.engine.requests.at(ids[i]).is_cancelled);
        continue;
      }
      room.engine.write(ids[i], piece);
    }
    room.service->engine_progressed(ids);
    room.tick();
    for (std::size_t i = 0; i < 8; ++i) {
      if (is_steady(i)) clients[i].read(*tabs[i]);
    }
  }
  for (const engine::RequestId id : ids) room.engine.finish(id, engine::FinishReason::stop);
  room.service->engine_progressed(ids);
  room.settle();
  for (std::size_t i = 0; i < 8; ++i) {
    if (!is_steady(i)) continue;
    clients[i].read(*tabs[i]);
    EXPECT_EQ(clients[i].text, expected) << i;
    EXPECT_EQ(clients[i].done["to"], clients[i].have);
  }
  EXPECT_EQ(tabs[kNeverReads]->close_code(), 4498);
  EXPECT_EQ(tabs[kNeverReads]->connection->outbox_bytes(), 0U);
  EXPECT_EQ(room.service->admission().live(), 0);
}

// what a socket that never reads costs is bounded, however much is written to it.
TEST(Streams, ANonReaderCostsAtMostItsOutbox) {
  Limits limits;
  limits.connection.stalled_after = std::chrono::hours(100);
  Room room(limits);
  auto tab = room.enter();
  room.ask(*tab, "hi", {{"params", {{"max_tokens", 900}}}});
  for (int i = 0; i < 900; ++i) {
    room.write(room.last(), "x");
    ASSERT_LE(tab->connection->outbox_bytes(), limits.connection.outbox_bytes);
  }
  EXPECT_EQ(tab->close_code(), std::nullopt);  // merged, not dropped
}

TEST(Streams, ShutdownLetsRepliesEndThenClosesWith1012) {
  Room room;
  auto tab = room.enter();
  room.ask(*tab, "hi");
  bool drained = false;
  room.service->begin_drain([&] { drained = true; });
  EXPECT_EQ(tab->receive_all("reconnect").at(0)["reason"], "shutdown");
  tab->send({{"type", "chat.create"}, {"id", "late"}, {"content", "hi"}});
  room.settle();
  EXPECT_EQ(tab->receive_all("error").at(0)["error"]["code"], "shutting_down");
  room.write(room.last(), "hello");
  room.tick();
  EXPECT_FALSE(drained);
  room.finish(room.last());
  room.tick();
  EXPECT_TRUE(drained);
  EXPECT_EQ(tab->receive().back()["finish_reason"], "stop");
  EXPECT_EQ(tab->close_code(), 1012);
}

TEST(Streams, WhatOutlastsTheDrainIsStoredAsInterrupted) {
  Room room;
  auto tab = room.enter();
  for (int i = 0; i < 3; ++i) room.ask(*tab, "hi");  // the third waits
  room.write(room.engine.order[0], "hello");
  bool drained = false;
  room.service->begin_drain([&] { drained = true; });
  tab->receive();
  room.tick(Milliseconds(29'999));
  EXPECT_FALSE(drained);
  room.tick(Milliseconds(1));
  room.tick();
  EXPECT_TRUE(drained);
  const auto done = tab->receive_all("done");
  ASSERT_EQ(done.size(), 3U);
  for (const json& event : done) EXPECT_EQ(event["finish_reason"], "interrupted");
  EXPECT_TRUE(room.engine.requests.at(room.engine.order[0]).is_cancelled);
}

TEST(Streams, WithNothingRunningTheDrainIsOverAtOnce) {
  Room room;
  bool drained = false;
  room.service->begin_drain([&] { drained = true; });
  EXPECT_TRUE(drained);
}

}  // namespace
}  // namespace hearth::server

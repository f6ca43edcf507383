// Readers that lag, or are gone, and texts that are long: reviews' findings S-SES-1…8.
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/session/support/room.h"

namespace hearth::server::testing {
namespace {

constexpr std::int64_t kMany = 20'000;

Limits roomy() {
  Limits limits;
  limits.service.max_tokens = kMany * 2;
  return limits;
}

// What a tab shows of a stream, checked as a client does.
struct Shown {
  std::string text;
  std::int64_t have = 0;
  int num_done = 0;

  void take(const json& event) {
    if (event["type"] == "snapshot") {
      text = event["parts"][0]["text"];
      have = event["to"];
    } else if (event["type"] == "delta") {
      ASSERT_EQ(event["from"], have);
      have = event["to"];
      text += event["text"];
    } else if (event["type"] == "done") {
      ++num_done;
      EXPECT_EQ(event["to"], have);
    }
  }
};

// A reply of many tokens, running or ended.
std::string write_long(Room& room, Tab& asker, bool ends) {
  room.service->set_model(
      {.id = "test", .state = ModelState::ready, .info = byte_model(4 * kMany)});
  room.ask(asker, "hi", {{"params", {{"max_tokens", kMany + 10}}}});
  std::string text;
  for (std::int64_t i = 0; i < kMany; ++i) text += static_cast<char>('a' + i % 26);
  room.write(room.last(), text);
  if (ends) room.finish(room.last());
  return text;
}

TEST(CatchUp, ALongReplyIsAttachedToInPartsAndNobodyIsClosed) {
  for (const bool ends : {false, true}) {
    Room room(roomy());
    auto asker = room.enter();
    const std::string text = write_long(room, *asker, ends);
    auto late = room.enter(*asker->connection->user());
    const auto list = [&] {
      late->send({{"type", "history.list"}, {"id", "l"}});
      room.settle();
      return late->receive_only()["data"]["conversations"][0]["head"].get<std::string>();
    };
    const std::string stream = list();
    late->send({{"type", "stream.attach"}, {"id", "a"}, {"stream", stream}, {"have", 0}});
    room.settle();
    Shown shown;
    for (int i = 0; i < 50 && shown.have < kMany; ++i) {
      EXPECT_LE(late->connection->outbox_bytes(), Limits{}.connection.outbox_bytes);
      for (const json& event : late->receive()) shown.take(event);
      room.tick();
    }
    for (const json& event : late->receive()) shown.take(event);
    EXPECT_EQ(late->close_code(), std::nullopt);
    EXPECT_EQ(shown.have, kMany);
    EXPECT_EQ(shown.text, text);
    EXPECT_EQ(shown.num_done, ends ? 1 : 0);
  }
}

TEST(CatchUp, WhoTakesNothingIsClosedAndTheReplyGoesOn) {
  Room room(roomy());
  auto asker = room.enter();
  asker->receive();
  write_long(room, *asker, false);
  EXPECT_LE(asker->connection->outbox_bytes(), Limits{}.connection.outbox_bytes);
  room.tick(Milliseconds(15'000));
  EXPECT_EQ(asker->close_code(), 4498);
  EXPECT_FALSE(room.engine.requests.at(room.last()).is_cancelled);
}

TEST(CatchUp, ManyEndedRepliesComeOneAfterTheOther) {
  Room room;
  auto asker = room.enter();
  std::vector<std::string> streams;
  for (int i = 0; i < 20; ++i) {
    const json accepted = room.ask(*asker, "hi", {{"params", {{"max_tokens", 900}}}});
    streams.push_back(accepted["stream"]);
    room.write(room.last(), std::string(900, 'x'));
    room.finish(room.last());
    asker->receive();
  }
  room.tick(Milliseconds(130'000));  // out of memory by now
  Tab back(room, *asker->connection->user());
  json wish = json::object();
  for (const std::string& stream : streams) wish[stream] = 0;
  back.send({{"type", "hello"}, {"resume", {{"streams", wish}}}});
  room.settle();
  std::map<std::string, Shown> shown;
  for (int i = 0; i < 100; ++i) {
    for (const json& event : back.receive()) {
      if (event.contains("stream")) shown[event["stream"]].take(event);
    }
    room.tick();
  }
  EXPECT_EQ(back.close_code(), std::nullopt);
  ASSERT_EQ(shown.size(), streams.size());
  for (const auto& [stream, one] : shown) {
    EXPECT_EQ(one.have, 900);
    EXPECT_EQ(one.num_done, 1);
  }
}

TEST(CatchUp, AnAnswerThatFindsNoRoomIsRefusedAndTheSocketStays) {
  Limits limits;
  limits.connection.outbox_bytes = 12'000;
  Room room(limits);
  room.service->set_model({.id = "test", .state = ModelState::ready, .info = byte_model(100'000)});
  auto tab = room.enter();
  const json accepted = room.ask(*tab, std::string(4000, 'q'));
  room.finish(room.last());
  tab->receive();
  for (int i = 0; i < 8; ++i) {
    tab->send({{"type", "history.get"},
               {"id", "g" + std::to_string(i)},
               {"conversation", accepted["conversation"]}});
  }
  room.settle();
  const auto events = tab->receive();
  EXPECT_EQ(events.size(), 8U) << "each is answered";
  EXPECT_EQ(events.front()["type"], "result");
  EXPECT_EQ(events.back()["error"]["code"], "busy");
  EXPECT_EQ(tab->close_code(), std::nullopt);
}

TEST(CatchUp, WhoAskedAndIsGoneIsNoViewer) {
  Room room;
  auto tab = room.enter();
  tab->send({{"type", "chat.create"}, {"id", "c"}, {"content", "hi"}});
  tab->close();  // the object lives on, as a socket with pending handlers does
  room.settle();
  ASSERT_EQ(room.engine.order.size(), 1U);
  room.write(room.last(), "x");
  room.tick(Milliseconds(10 * 60'000));
  EXPECT_TRUE(room.engine.requests.at(room.last()).is_cancelled);
}

TEST(CatchUp, EachCancelIsAnswered) {
  Room room;
  auto tab = room.enter();
  const json accepted = room.ask(*tab, "hi");
  for (const char* id : {"x1", "x2"})
    tab->send({{"type", "chat.cancel"}, {"id", id}, {"stream", accepted["stream"]}});
  room.settle();
  room.finish(room.last(), engine::FinishReason::cancelled);
  const auto done = tab->receive_all("done");
  ASSERT_EQ(done.size(), 2U);
  EXPECT_EQ(done[0]["re"], "x1");
  EXPECT_EQ(done[1]["re"], "x2");
}

// Once, it was answered at once, with a position that the asker had not read up to.
TEST(CatchUp, ACancelThatMeetsAReplyOnItsWayIsAnsweredByItsEnd) {
  Room room;
  auto asker = room.enter();
  const json accepted = room.ask(*asker, "hi");
  room.write(room.last(), "one two");
  room.finish(room.last());
  room.tick(Milliseconds(130'000));  // out of memory by now
  for (const bool is_deleted : {false, true}) {
    auto late = room.enter(*asker->connection->user());
    const json stream = accepted["stream"];
    late->send({{"type", "stream.attach"}, {"id", "a"}, {"stream", stream}, {"have", 0}});
    for (const char* id : {"x1", "x2"})
      late->send({{"type", "chat.cancel"}, {"id", id}, {"stream", stream}});
    if (is_deleted) {  // between the answer and the reply's turn
      const auto conversation =
          parse_id<ConversationId>(accepted["conversation"].get<std::string>());
      room.store.remove(asker->connection->user()->id, *conversation, std::nullopt,
                        [](const Result<void>&) {});
    }
    room.settle();
    std::vector<std::string> told;
    for (const json& event : late->receive())
      told.push_back(event["type"].get<std::string>() + " " + event.value("re", ""));
    const std::vector<std::string> whole = {"result a", "snapshot ", "done x1", "done x2"};
    const std::vector<std::string> gone = {"result a", "error x1", "error x2"};
    EXPECT_EQ(told, is_deleted ? gone : whole);
  }
}

TEST(CatchUp, ATextThatCouldNotBeStoredStaysUntilItIs) {
  Room room;
  auto tab = room.enter();
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "the whole text");
  room.store.is_broken = true;
  room.finish(room.last());
  EXPECT_EQ(tab->receive_all("done").at(0)["stored"], false);
  for (int i = 0; i < 30; ++i) room.tick(Milliseconds(10'000));  // five minutes
  const auto get = [&] {
    tab->send({{"type", "history.get"}, {"id", "g"}, {"conversation", accepted["conversation"]}});
    room.settle();
    return tab->receive_all("result").at(0)["data"]["messages"][1];
  };
  EXPECT_EQ(get()["content"], "the whole text");
  EXPECT_EQ(get()["status"], "done");
  room.store.is_broken = false;
  room.tick(Milliseconds(10'000));
  tab->send({{"type", "stream.attach"}, {"id", "a"}, {"stream", accepted["stream"]}, {"have", 0}});
  room.settle();
  EXPECT_EQ(tab->receive_all("done").at(0)["stored"], true) << "and is then known to be";
}

TEST(CatchUp, DeletingWhileAMessageIsBeingAcceptedRunsNothing) {
  Room room;
  auto tab = room.enter();
  const json first = room.ask(*tab, "hi");
  room.finish(room.last());
  tab->receive();
  tab->send({{"type", "chat.create"},
             {"id", "late"},
             {"conversation", first["conversation"]},
             {"content", "more"}});
  // Up to its rows, whose answer is not there yet.
  while (room.store.num_begun < 2) {
    if (room.tasks.empty()) {
      ASSERT_TRUE(room.text.work());
      continue;
    }
    auto task = std::move(room.tasks.front());
    room.tasks.pop_front();
    task();
  }
  tab->send({{"type", "history.delete"}, {"id", "d"}, {"conversation", first["conversation"]}});
  room.settle();
  EXPECT_EQ(room.engine.order.size(), 1U);
  const auto errors = tab->receive_all("error");
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0]["re"], "late");
  EXPECT_EQ(errors[0]["error"]["code"], "not_found");
}

TEST(CatchUp, BytesThatComeTooFastAreNotRead) {
  Room room;
  auto tab = room.enter();
  const std::string large = R"({"type":"ping","t":1,"x":")" + std::string(900'000, 'x') + "\"}";
  for (int i = 0; i < 5; ++i) tab->send_raw(large);
  const auto events = tab->receive();
  ASSERT_EQ(events.size(), 5U);
  EXPECT_EQ(events[3]["type"], "pong");
  EXPECT_EQ(events[4]["error"]["code"], "rate_limited");
  for (int i = 0; i < 5; ++i) tab->send_raw(large);
  EXPECT_EQ(tab->close_code(), 4429);
}

// More text than any template renders: the oldest turns go, the newest message is answered.
TEST(CatchUp, AConversationBeyondAllBoundsIsStillAnswered) {
  Room room;
  auto tab = room.enter();
  json parent = room.ask(*tab, std::string(200, 'a'));
  room.finish(room.last());
  for (int i = 0; i < 400; ++i) {
    parent = room.ask(*tab, std::string(400, 'b'), {{"conversation", parent["conversation"]}});
    ASSERT_TRUE(parent.is_object()) << i;
    room.finish(room.last());
    room.tick(Milliseconds(100));
    tab->receive();
  }
  EXPECT_GE(parent["dropped"].size(), 700U);
}

}  // namespace
}  // namespace hearth::server::testing

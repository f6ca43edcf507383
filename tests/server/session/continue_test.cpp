// chat.continue: the same message, the same stream, the same tokens fed again.
#include <gtest/gtest.h>

#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::json;
using testing::Room;
using testing::Tab;

struct HalfReply {
  explicit HalfReply(engine::FinishReason reason = engine::FinishReason::length, Limits limits = {})
      : room(limits) {
    user = room.new_user();
    tab = room.enter(user);
    accepted = room.ask(*tab, "hi", {{"params", {{"temperature", 0}, {"seed", 5}}}});
    room.write(room.last(), "one two ");
    room.finish(room.last(), reason);
    tab->receive();
  }
  // All that answers chat.continue.
  std::vector<json> go_on(json more = json::object(), const std::string& id = "more") {
    json message = {{"type", "chat.continue"},
                    {"id", id},
                    {"conversation", accepted["conversation"]},
                    {"message", accepted["stream"]}};
    message.update(more);
    tab->send(message);
    room.settle();
    return tab->receive();
  }
  const engine::GenerationRequest& request() {
    return room.engine.requests.at(room.last()).request;
  }
  json stored() {
    tab->send({{"type", "history.get"}, {"id", "g"}, {"conversation", accepted["conversation"]}});
    room.settle();
    return tab->receive_all("result")[0]["data"]["messages"];
  }

  Room room;
  User user;
  std::unique_ptr<Tab> tab;
  json accepted;
};

TEST(Continue, GoesOnInTheSameMessageAtTheNextPosition) {
  HalfReply half;
  const auto events = half.go_on();
  EXPECT_EQ(events[0]["type"], "accepted");
  EXPECT_EQ(events[0]["continued"], true);
  EXPECT_EQ(events[0]["from"], 8);
  EXPECT_EQ(events[0]["stream"], half.accepted["stream"]);
  EXPECT_EQ(events[0]["user_message"], half.accepted["user_message"]);
  half.room.write(half.room.last(), "three");
  half.room.finish(half.room.last());
  std::string text;
  std::size_t have = 8;
  for (const json& event : half.tab->receive()) {
    if (event["type"] != "delta") continue;
    EXPECT_EQ(event["from"], have);
    have = event["to"];
    text += event["text"];
  }
  EXPECT_EQ(text, "three");
  const json messages = half.stored();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[1]["content"], "one two three");
  EXPECT_EQ(messages[1]["to"], 13);
  EXPECT_EQ(messages[1]["finish_reason"], "stop");
}

// A rate is made of all its tokens and of the time that all of them took.
TEST(Continue, TheTimeIsThatOfAllParts) {
  HalfReply half;
  const double once = half.stored()[1]["timings"]["decode_ms"];
  EXPECT_GT(once, 0.0);
  half.go_on();
  half.room.write(half.room.last(), "three");
  half.room.finish(half.room.last());
  half.tab->receive();
  EXPECT_EQ(half.stored()[1]["timings"]["decode_ms"], 2 * once);
}

// What makes an interrupted reply and its continuation the same as one that was never interrupted:
// the same prompt, the same tokens behind it, the same seed.
TEST(Continue, TheEngineGetsTheSamePromptTheTokensAndTheSeed) {
  HalfReply half;
  const auto first = half.request();
  half.go_on();
  EXPECT_EQ(half.request().prompt_ids, first.prompt_ids);
  EXPECT_EQ(half.request().seed, first.seed);
  EXPECT_EQ(half.request().sampling.do_sample, first.sampling.do_sample);
  std::string given;
  for (const engine::TokenRecord& token : half.request().given)
    given += static_cast<char>(token.id);
  EXPECT_EQ(given, "one two ");
  EXPECT_GT(half.request().max_tokens, 8);
}

TEST(Continue, AfterARestartThePartialReplyIsWrittenOn) {
  HalfReply half(engine::FinishReason::cancelled);
  half.room.tick(std::chrono::minutes(3));  // only in the history
  EXPECT_EQ(half.go_on()[0]["continued"], true);
  EXPECT_EQ(half.request().given.size(), 8U);
}

TEST(Continue, BeforeItRunsTheOldTextIsThere) {
  Limits limits;
  limits.service.running_per_user = 1;
  HalfReply half(engine::FinishReason::length, limits);
  half.room.ask(*half.tab, "another");
  half.tab->receive();
  const auto events = half.go_on();
  json snapshot;
  for (const json& event : events) {
    if (event["type"] == "snapshot") snapshot = event;
  }
  EXPECT_EQ(snapshot["to"], 8);
  EXPECT_EQ(snapshot["parts"][0]["text"], "one two ");
  EXPECT_EQ(snapshot["state"], "queued");
  bool found = false;
  for (const json& row : half.stored()) {
    if (row["id"] != half.accepted["stream"]) continue;
    found = true;
    EXPECT_EQ(row["content"], "one two ");
    EXPECT_EQ(row["status"], "queued");
  }
  EXPECT_TRUE(found);
  half.tab->send({{"type", "chat.cancel"}, {"id", "x"}, {"stream", half.accepted["stream"]}});
  half.room.settle();
  const auto done = half.tab->receive_all("done");
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0]["to"], 8);
  for (const json& row : half.stored()) {
    if (row["id"] == half.accepted["stream"]) {
      EXPECT_EQ(row["content"], "one two ");
    }
  }
}

TEST(Continue, AttachingBeforeTheOldEndGetsASnapshot) {
  HalfReply half;
  half.go_on();
  half.room.write(half.room.last(), "three");
  auto second = half.room.enter(half.user);
  second->send(
      {{"type", "stream.attach"}, {"id", "a"}, {"stream", half.accepted["stream"]}, {"have", 3}});
  const auto snapshots = second->receive_all("snapshot");
  ASSERT_EQ(snapshots.size(), 1U);
  EXPECT_EQ(snapshots[0]["parts"][0]["text"], "one two three");
}

TEST(Continue, AWholeOrLiveReplyAndAQuestionCannotBeWrittenOn) {
  HalfReply whole(engine::FinishReason::stop);
  EXPECT_EQ(whole.go_on()[0]["error"]["code"], "conflict");
  EXPECT_EQ(whole.go_on({{"message", whole.accepted["user_message"]}}, "u")[0]["error"]["code"],
            "invalid_parameter");
  HalfReply half;
  half.go_on();
  EXPECT_EQ(half.go_on(json::object(), "second")[0]["error"]["code"], "conflict");
}

TEST(Continue, AnEditedAnswerIsWrittenOnFromItsWords) {
  HalfReply whole(engine::FinishReason::stop);
  whole.tab->send({{"type", "chat.edit"},
                   {"id", "e"},
                   {"conversation", whole.accepted["conversation"]},
                   {"message", whole.accepted["stream"]},
                   {"content", "uno "}});
  whole.room.settle();
  whole.tab->receive();
  const auto events = whole.go_on();
  EXPECT_EQ(events[0]["from"], 4);
  whole.room.write(whole.room.last(), "dos");
  whole.room.finish(whole.room.last());
  EXPECT_EQ(whole.stored()[1]["content"], "uno dos");
}

TEST(Continue, TheSameRequestTwiceIsOne) {
  HalfReply half;
  half.go_on();
  const std::size_t submitted = half.room.engine.order.size();
  EXPECT_EQ(half.go_on()[0]["duplicate"], true);
  EXPECT_EQ(half.room.engine.order.size(), submitted);
}

}  // namespace
}  // namespace hearth::server

// One message's way through the service (DESIGN §3), and what can go wrong on it.
#include <gtest/gtest.h>

#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::json;
using testing::Room;
using testing::Tab;

std::vector<std::string> types(const std::vector<json>& events) {
  std::vector<std::string> names;
  for (const json& event : events) names.push_back(event["type"]);
  return names;
}

// The text of an event list, and a check that its ranges are contiguous from `have`.
std::string joined(const std::vector<json>& events, std::size_t& have) {
  std::string text;
  for (const json& event : events) {
    if (event["type"] != "delta") continue;
    EXPECT_EQ(event["from"], have);
    have = event["to"];
    text += event["text"];
  }
  return text;
}

TEST(ChatService, ReadySaysWhoAndWhat) {
  Room room;
  const User ada = room.new_user("Ada");
  Tab tab(room, ada);
  tab.send({{"type", "hello"}});
  const json ready = tab.receive_only();
  EXPECT_EQ(ready["type"], "ready");
  EXPECT_EQ(ready["user"], json({{"id", to_string(ada.id)}, {"name", "Ada"}, {"kind", "guest"}}));
  EXPECT_EQ(ready["resumed"], "none");
  EXPECT_EQ(ready["session"].get<std::string>().size(), 32U);
  EXPECT_EQ(ready["limits"]["running"], 2);
  EXPECT_EQ(ready["models"][0]["id"], "test");
  EXPECT_EQ(ready["models"][0]["state"], "ready");
  EXPECT_EQ(ready["models"][0]["context_length"], 1000);
  EXPECT_TRUE(ready["models"][0]["defaults"].contains("temperature"));
  EXPECT_EQ(ready["durable"], true);
}

TEST(ChatService, AMessageIsStoredAcceptedStartedStreamedStoredAndDone) {
  Room room;
  auto tab = room.enter();
  const json accepted = room.ask(*tab, "hi");
  ASSERT_FALSE(accepted.is_null());
  EXPECT_EQ(accepted["re"], "c1");
  EXPECT_EQ(accepted["stream"], accepted["assistant_message"]);
  EXPECT_EQ(accepted["parent"], nullptr);
  EXPECT_EQ(accepted["title"], "hi");
  EXPECT_EQ(accepted["duplicate"], false);
  EXPECT_EQ(testing::text_of(room.engine.requests.at(room.last()).request.prompt_ids), "user:hi|>");

  room.write(room.last(), "hello");
  std::size_t have = 0;
  auto events = tab->receive();
  EXPECT_EQ(types(events), (std::vector<std::string>{"started", "delta"}));
  EXPECT_EQ(events[0]["prompt_tokens"], 9);
  EXPECT_EQ(joined(events, have), "hello");

  room.finish(room.last());
  const json done = tab->receive_only();
  EXPECT_EQ(done["type"], "done");
  EXPECT_EQ(done["to"], 5);
  EXPECT_EQ(done["finish_reason"], "stop");
  EXPECT_EQ(done["stored"], true);
  EXPECT_EQ(done["usage"],
            json({{"prompt_tokens", 9}, {"completion_tokens", 5}, {"cached_tokens", 3}}));
  EXPECT_EQ(done["timings"]["decode_ms"], 7.5);
}

TEST(ChatService, AcceptedComesAfterTheRowsAreStored) {
  Room room;
  auto tab = room.enter();
  tab->send({{"type", "chat.create"}, {"id", "c"}, {"content", "hi"}});
  while (!room.tasks.empty() || !room.text.jobs.empty()) {
    if (room.tasks.empty()) {
      room.text.work();
      continue;
    }
    EXPECT_TRUE(tab->receive().empty());
    auto task = std::move(room.tasks.front());
    room.tasks.pop_front();
    task();
  }
  EXPECT_EQ(types(tab->receive()), (std::vector<std::string>{"accepted"}));
}

TEST(ChatService, DoneComesAfterTheTextIsStored) {
  Room room;
  auto tab = room.enter();
  room.ask(*tab, "hi");
  room.write(room.last(), "x");
  tab->receive();
  room.engine.finish(room.last(), engine::FinishReason::stop);
  room.progressed(room.last());
  EXPECT_TRUE(tab->receive().empty());
  room.settle();
  EXPECT_EQ(tab->receive_only()["type"], "done");
}

TEST(ChatService, TheNextMessageSeesTheConversation) {
  Room room;
  auto tab = room.enter();
  const json first = room.ask(*tab, "hi", {{"system", "Be kind."}});
  room.write(room.last(), "hello");
  room.finish(room.last());
  const json second = room.ask(*tab, "and now?", {{"conversation", first["conversation"]}});
  EXPECT_EQ(second["parent"], first["assistant_message"]);
  EXPECT_EQ(testing::text_of(room.engine.requests.at(room.last()).request.prompt_ids),
            "system:Be kind.|user:hi|assistant:hello|user:and now?|>");
}

TEST(ChatService, RegenerateAnswersTheSameMessageAgain) {
  Room room;
  auto tab = room.enter();
  const json first = room.ask(*tab, "hi");
  room.write(room.last(), "hello");
  room.finish(room.last());
  tab->receive();
  tab->send({{"type", "chat.create"},
             {"id", "again"},
             {"conversation", first["conversation"]},
             {"parent", first["user_message"]},
             {"regenerate", true}});
  room.settle();
  const json second = tab->receive_only();
  EXPECT_EQ(second["user_message"], first["user_message"]);
  EXPECT_NE(second["assistant_message"], first["assistant_message"]);
  EXPECT_EQ(second["parent"], nullptr);
  EXPECT_EQ(testing::text_of(room.engine.requests.at(room.last()).request.prompt_ids), "user:hi|>");
}

TEST(ChatService, AParentThatIsStillBeingWrittenIsAConflict) {
  Room room;
  auto tab = room.enter();
  const json first = room.ask(*tab, "hi");
  tab->send({{"type", "chat.create"},
             {"id", "b"},
             {"content", "and?"},
             {"conversation", first["conversation"]}});
  room.settle();
  const json error = tab->receive_all("error").at(0);
  EXPECT_EQ(error["error"]["code"], "conflict");
  EXPECT_EQ(error["error"]["param"], "parent");
  EXPECT_EQ(room.engine.order.size(), 1U);
  EXPECT_EQ(room.service->admission().live(), 1);
}

TEST(ChatService, ParametersReachTheEngineAndStayWithTheConversation) {
  Room room;
  auto tab = room.enter();
  const json first = room.ask(
      *tab, "hi",
      {{"params", {{"temperature", 0.5}, {"max_tokens", 9}, {"seed", 42}, {"stop", "END"}}}});
  EXPECT_EQ(first["seed"], 42);
  const auto& request = room.engine.requests.at(room.last()).request;
  EXPECT_TRUE(request.sampling.do_sample);
  EXPECT_EQ(request.sampling.temperature, 0.5);
  EXPECT_EQ(request.max_tokens, 9);
  EXPECT_EQ(request.seed, 42U);
  EXPECT_EQ(request.stop_ids, std::vector<TokenId>{testing::kEndToken});
  room.finish(room.last());
  room.ask(*tab, "more", {{"conversation", first["conversation"]}});
  EXPECT_EQ(room.engine.requests.at(room.last()).request.max_tokens, 9);
}

TEST(ChatService, AStopStringEndsTheReplyAndFreesTheEngine) {
  Room room;
  auto tab = room.enter();
  room.ask(*tab, "hi", {{"params", {{"stop", "END"}}}});
  room.write(room.last(), "helloENDmore");
  EXPECT_TRUE(room.engine.requests.at(room.last()).is_cancelled);
  room.finish(room.last(), engine::FinishReason::cancelled);
  const auto events = tab->receive();
  std::size_t have = 0;
  EXPECT_EQ(joined(events, have), "hello");
  EXPECT_EQ(events.back()["finish_reason"], "stop");
  EXPECT_EQ(events.back()["to"], have);
}

TEST(ChatService, CancelStopsTheEngineAndKeepsTheText) {
  Room room;
  auto tab = room.enter();
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "hel");
  tab->send({{"type", "chat.cancel"}, {"id", "x"}, {"stream", accepted["stream"]}});
  EXPECT_TRUE(room.engine.requests.at(room.last()).is_cancelled);
  room.finish(room.last(), engine::FinishReason::cancelled);
  const json done = tab->receive().back();
  EXPECT_EQ(done["finish_reason"], "cancelled");
  EXPECT_EQ(done["re"], "x");
  tab->send({{"type", "chat.cancel"}, {"id", "y"}, {"stream", accepted["stream"]}});  // idempotent
  EXPECT_EQ(tab->receive_only()["finish_reason"], "cancelled");
  tab->send({{"type", "history.get"}, {"id", "g"}, {"conversation", accepted["conversation"]}});
  room.settle();
  const json reply = tab->receive_only()["data"]["messages"][1];
  EXPECT_EQ(reply["content"], "hel");
  EXPECT_EQ(reply["status"], "done");
  EXPECT_EQ(reply["finish_reason"], "cancelled");
}

TEST(ChatService, AFailedReplyTellsNoSecretsAndTheOperatorHears) {
  Room room;
  auto tab = room.enter();
  room.ask(*tab, "hi");
  room.finish(room.last(), engine::FinishReason::failed);
  const json done = tab->receive().back();
  EXPECT_EQ(done["finish_reason"], "failed");
  EXPECT_EQ(done["error"]["code"], "engine_failed");
  EXPECT_EQ(done.dump().find("0x"), std::string::npos);
  EXPECT_EQ(done.dump().find("/home"), std::string::npos);
  ASSERT_EQ(room.log.size(), 1U);
  EXPECT_NE(room.log[0].find("0xdeadbeef"), std::string::npos);
}

TEST(ChatService, TheSameRequestAgainIsTheSameReply) {
  Room room;
  auto tab = room.enter();
  const json message = {{"type", "chat.create"}, {"id", "same"}, {"content", "hi"}};
  tab->send(message);
  tab->send(message);  // before it is stored
  room.settle();
  auto accepted = tab->receive_all("accepted");
  ASSERT_EQ(accepted.size(), 2U);
  EXPECT_EQ(accepted[0]["stream"], accepted[1]["stream"]);
  EXPECT_EQ(accepted[1]["duplicate"], true);
  room.write(room.last(), "hello");
  tab->receive();
  tab->send(message);  // while it is written
  room.settle();
  room.tick();
  auto events = tab->receive();
  EXPECT_EQ(events[0]["duplicate"], true);
  std::size_t have = 0;
  EXPECT_EQ(joined(events, have), "hello");
  room.finish(room.last());
  tab->receive();
  tab->send(message);  // when it has ended
  room.settle();
  EXPECT_EQ(types(tab->receive()), (std::vector<std::string>{"accepted", "delta", "done"}));
  room.tick(std::chrono::minutes(3));
  tab->send(message);  // when it is no longer in memory
  room.settle();
  EXPECT_EQ(types(tab->receive()), (std::vector<std::string>{"accepted", "snapshot", "done"}));
  EXPECT_EQ(room.engine.order.size(), 1U);
}

TEST(ChatService, TheSameIdForAnotherMessageIsAConflict) {
  Room room;
  auto tab = room.enter();
  tab->send({{"type", "chat.create"}, {"id", "same"}, {"content", "hi"}});
  tab->send({{"type", "chat.create"}, {"id", "same"}, {"content", "ho"}});
  room.settle();
  EXPECT_EQ(tab->receive_all("error").at(0)["error"]["code"], "idempotency_conflict");
  tab->send({{"type", "chat.create"}, {"id", "same"}, {"content", "ho"}});
  room.settle();
  EXPECT_EQ(tab->receive_all("error").at(0)["error"]["code"], "idempotency_conflict");
}

TEST(ChatService, TwoRunFourWaitTheSeventhIsBusy) {
  Room room;
  auto tab = room.enter();
  for (int i = 0; i < 6; ++i) ASSERT_FALSE(room.ask(*tab, "hi").is_null());
  EXPECT_EQ(room.engine.order.size(), 2U);
  tab->send({{"type", "chat.create"}, {"id", "seventh"}, {"content", "hi"}});
  room.settle();
  const json refused = tab->receive_all("error").at(0);
  EXPECT_EQ(refused["re"], "seventh");
  EXPECT_EQ(refused["error"]["code"], "busy");
  EXPECT_EQ(refused["error"]["retryable"], true);
  EXPECT_TRUE(refused["error"].contains("retry_after_ms"));
  room.finish(room.engine.order[0]);
  EXPECT_EQ(room.engine.order.size(), 3U);
  EXPECT_FALSE(room.ask(*tab, "hi").is_null());
}

TEST(ChatService, WhoWaitsIsToldThePlaceOnChangeOnly) {
  Room room;
  auto tab = room.enter();
  for (int i = 0; i < 4; ++i) room.ask(*tab, "hi");
  for (int i = 0; i < 2; ++i) room.write(room.engine.order[static_cast<std::size_t>(i)], "x");
  room.tick(Milliseconds(500));
  const auto told = tab->receive_all("queued");
  ASSERT_GE(told.size(), 2U);
  EXPECT_EQ(told.back()["of"], 2);
  room.tick(Milliseconds(500));
  EXPECT_TRUE(tab->receive_all("queued").empty());
}

TEST(ChatService, AQueuedReplyCanBeCancelled) {
  Room room;
  auto tab = room.enter();
  for (int i = 0; i < 2; ++i) room.ask(*tab, "hi");
  const json third = room.ask(*tab, "hi");
  tab->send({{"type", "chat.cancel"}, {"id", "x"}, {"stream", third["stream"]}});
  room.settle();
  const json done = tab->receive_all("done").at(0);
  EXPECT_EQ(done["to"], 0);
  EXPECT_EQ(done["finish_reason"], "cancelled");
}

TEST(ChatService, WhatTheDiskRefusedIsNotAccepted) {
  Room room;
  auto tab = room.enter();
  room.store.is_broken = true;
  tab->send({{"type", "chat.create"}, {"id", "c"}, {"content", "hi"}});
  room.settle();
  EXPECT_EQ(tab->receive_only()["error"]["code"], "storage_unavailable");
  EXPECT_TRUE(room.engine.order.empty());
  room.store.is_broken = false;
  EXPECT_EQ(room.service->admission().live(), 0);
}

TEST(ChatService, AFinalTextThatCannotBeStoredIsSaidAndTriedAgain) {
  Room room;
  auto tab = room.enter();
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "hello");
  room.store.is_broken = true;
  room.finish(room.last());
  EXPECT_EQ(tab->receive().back()["stored"], false);
  room.store.is_broken = false;
  room.tick(Milliseconds(5000));
  const int finishes = room.store.num_finishes;
  room.tick(Milliseconds(5000));
  EXPECT_EQ(room.store.num_finishes, finishes);
  room.tick(std::chrono::minutes(3));
  tab->send({{"type", "history.get"}, {"id", "g"}, {"conversation", accepted["conversation"]}});
  room.settle();
  EXPECT_EQ(tab->receive_only()["data"]["messages"][1]["content"], "hello");
}

TEST(ChatService, ThePartialTextIsCheckpointedByTimeAndByTokens) {
  Room room;
  auto tab = room.enter();
  room.ask(*tab, "hi");
  room.write(room.last(), "one");
  EXPECT_TRUE(room.store.checkpoints.empty());
  room.tick(Milliseconds(1000));
  EXPECT_EQ(room.store.checkpoints, std::vector<std::string>{"one"});
  room.write(room.last(), std::string(64, 'x'));
  EXPECT_EQ(room.store.checkpoints.back(), "one" + std::string(64, 'x'));
}

TEST(ChatService, WithoutAModelItSaysSo) {
  Room room;
  auto tab = room.enter();
  room.service->set_model({.id = "test",
                           .state = ModelState::loading,
                           .stage = "weights",
                           .percent = 40.0,
                           .eta_ms = 700});
  const json event = tab->receive_only();
  EXPECT_EQ(event["type"], "model");
  EXPECT_EQ(event["stage"], "weights");
  tab->send({{"type", "chat.create"}, {"id", "a"}, {"content", "hi"}});
  room.settle();
  json error = tab->receive_only()["error"];
  EXPECT_EQ(error["code"], "model_loading");
  EXPECT_EQ(error["retry_after_ms"], 700);
  room.service->set_model({.id = "test", .state = ModelState::failed, .detail = "no weights"});
  tab->receive();
  tab->send({{"type", "chat.create"}, {"id", "b"}, {"content", "hi"}});
  room.settle();
  EXPECT_EQ(tab->receive_only()["error"]["code"], "model_failed");
}

TEST(ChatService, WithAnyModelEveryNameMeansTheOneThatIsServed) {
  Limits limits;
  limits.service.any_model = true;
  Room room(limits);
  auto tab = room.enter();
  room.ask(*tab, "hi", {{"params", {{"model", "other"}}}});
  room.write(room.last(), "Hello");
  const auto started = tab->receive_all("started");
  ASSERT_EQ(started.size(), 1U);
  EXPECT_EQ(started[0]["model"], "test");
}

TEST(ChatService, AModelOfAnotherNameIsNotFound) {
  Room room;
  auto tab = room.enter();
  tab->send(
      {{"type", "chat.create"}, {"id", "a"}, {"content", "hi"}, {"params", {{"model", "other"}}}});
  room.settle();
  EXPECT_EQ(tab->receive_only()["error"]["code"], "model_not_found");
}

TEST(ChatService, AMessageThatCannotFitIsRefusedWithBothNumbers) {
  Room room;
  auto tab = room.enter();
  tab->send({{"type", "chat.create"}, {"id", "a"}, {"content", std::string(2000, 'x')}});
  room.settle();
  const json error = tab->receive_only()["error"];
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_EQ(error["limit"], 1000);
  EXPECT_EQ(error["needed"], 2007 + kReplyRoom);
}

TEST(ChatService, DroppedMessagesAreNamed) {
  Room room;
  auto tab = room.enter();
  const json first = room.ask(*tab, std::string(500, 'a'));
  room.finish(room.last());
  const json second =
      room.ask(*tab, std::string(600, 'b'), {{"conversation", first["conversation"]}});
  EXPECT_EQ(second["dropped"], json::array({first["user_message"], first["assistant_message"]}));
}

TEST(ChatService, ATemplateThatRefusesIsAnError) {
  Room room;
  auto tab = room.enter();
  tab->send({{"type", "chat.create"}, {"id", "a"}, {"content", "REFUSE"}});
  room.settle();
  EXPECT_EQ(tab->receive_only()["error"]["code"], "template_raised");
  EXPECT_EQ(room.service->admission().live(), 0);
}

}  // namespace
}  // namespace hearth::server

#include <gtest/gtest.h>

#include "server/session/prompt_builder.h"
#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::json;
using testing::Room;
using testing::Tab;

json measure(const std::string& id, const std::string& content, json more = json::object()) {
  json message = {{"type", "context.measure"}, {"id", id}, {"content", content}};
  message.update(more);
  return message;
}

TEST(Measure, CountsWhatWouldBeSent) {
  Room room;
  auto tab = room.enter();
  tab->send(measure("m", "hello"));
  room.settle();
  const json data = tab->receive_only()["data"];
  EXPECT_EQ(data["fits"], true);
  EXPECT_EQ(data["prompt_tokens"], std::string("user:hello|>").size());
  EXPECT_EQ(data["content_tokens"], 5);
  EXPECT_EQ(data["context_length"], 1000);
  EXPECT_EQ(data["max_tokens"], 1000 - 12);
  EXPECT_EQ(data["dropped"], json::array());
  EXPECT_TRUE(room.engine.order.empty());
}

TEST(Measure, SaysWhatWouldBeDroppedAndTheReplySaysTheSame) {
  Room room;
  auto tab = room.enter();
  const json first = room.ask(*tab, std::string(600, 'a'));
  room.write(room.last(), "b");
  room.finish(room.last());
  tab->receive();
  const json where = {{"conversation", first["conversation"]}};
  tab->send(measure("m", std::string(600, 'c'), where));
  room.settle();
  const json data = tab->receive_only()["data"];
  EXPECT_EQ(data["dropped"], json::array({first["user_message"], first["stream"]}));
  EXPECT_GT(data["dropped_tokens"], 600);
  const json accepted = room.ask(*tab, std::string(600, 'c'), where);
  EXPECT_EQ(accepted["dropped"], data["dropped"]);
}

TEST(Measure, TheInstructionsAreCountedAlone) {
  Room room;
  auto tab = room.enter();
  tab->send(measure("m", "hello", {{"system", "be brief"}}));
  room.settle();
  const json data = tab->receive_only()["data"];
  EXPECT_EQ(data["system_tokens"], 8);
  EXPECT_EQ(data["content_tokens"], 5);
}

TEST(Measure, EachExchangeThatWouldBeDroppedHasItsCostAndTheyAddUp) {
  Room room;
  auto tab = room.enter();
  json last = room.ask(*tab, std::string(200, 'a'));
  const json where = {{"conversation", last["conversation"]}};
  std::vector<json> asked{last};
  for (const std::size_t length : {300U, 250U}) {
    room.write(room.last(), "b");
    room.finish(room.last());
    tab->receive();
    asked.push_back(room.ask(*tab, std::string(length, 'c'), where));
  }
  room.write(room.last(), "b");
  room.finish(room.last());
  tab->receive();
  tab->send(measure("m", std::string(600, 'd'), where));
  room.settle();
  const json data = tab->receive_only()["data"];
  ASSERT_EQ(data["costs"].size(), 2U);
  EXPECT_EQ(data["costs"][0]["message"], asked[0]["user_message"]);
  EXPECT_EQ(data["costs"][1]["message"], asked[1]["user_message"]);
  const std::int64_t first = data["costs"][0]["tokens"];
  const std::int64_t second = data["costs"][1]["tokens"];
  EXPECT_EQ(second - first, 100);
  EXPECT_EQ(first + second, data["dropped_tokens"]);
}

TEST(Measure, OnlyTheOldestOfManyHaveTheirCost) {
  Room room;
  auto tab = room.enter();
  const json first = room.ask(*tab, "0123456789");
  const json where = {{"conversation", first["conversation"]}};
  for (int i = 0; i < 12; ++i) {
    room.write(room.last(), "b");
    room.finish(room.last());
    tab->receive();
    room.ask(*tab, "0123456789", where);
  }
  room.write(room.last(), "b");
  room.finish(room.last());
  tab->receive();
  tab->send(measure("m", std::string(900, 'd'), where));
  room.settle();
  const json data = tab->receive_only()["data"];
  EXPECT_GT(data["dropped"].size(), 2 * kCostsMax);
  EXPECT_EQ(data["costs"].size(), kCostsMax);
}

TEST(Measure, WhatCannotFitIsAnAnswerWithBothNumbers) {
  Room room;
  auto tab = room.enter();
  tab->send(measure("m", std::string(2000, 'a')));
  room.settle();
  const json data = tab->receive_only()["data"];
  EXPECT_EQ(data["fits"], false);
  EXPECT_EQ(data["needed"], 2000 + 7 + 16);
  EXPECT_EQ(data["limit"], 1000);
  EXPECT_EQ(data["content_tokens"], 2000);
}

TEST(Measure, OfThoseThatWaitOnlyTheNewestIsAnswered) {
  Room room;
  auto tab = room.enter();
  for (const char* id : {"m1", "m2", "m3"}) tab->send(measure(id, id));
  room.settle();
  std::map<std::string, json> answers;
  for (const json& event : tab->receive()) answers[event["re"]] = event;
  EXPECT_EQ(answers["m1"]["type"], "result");
  EXPECT_EQ(answers["m2"]["error"]["code"], "superseded");
  EXPECT_EQ(answers["m3"]["type"], "result");
  EXPECT_EQ(answers.size(), 3U);
}

TEST(Measure, ASocketThatGoesLeavesNothingBehind) {
  Room room;
  const User user = room.new_user();
  auto tab = room.enter(user);
  tab->send(measure("m1", "x"));
  tab->send(measure("m2", "y"));
  tab->close();
  room.settle();
  auto again = room.enter(user);
  again->send(measure("m3", "z"));
  room.settle();
  EXPECT_EQ(again->receive_only()["re"], "m3");
}

TEST(Measure, NothingButWhatIsThere) {
  Room room;
  auto tab = room.enter();
  tab->send(measure("m", ""));
  room.settle();
  EXPECT_EQ(tab->receive_only()["data"]["prompt_tokens"], 0);
}

}  // namespace
}  // namespace hearth::server

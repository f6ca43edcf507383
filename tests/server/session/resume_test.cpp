// hello.resume: full, snapshot, none; what a lost socket leaves for the next one (features §3.1).
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::json;
using testing::Room;
using testing::Tab;

// Says hello with `resume` and gives all that comes.
std::vector<json> resume(Room& room, Tab& tab, const json& resume) {
  tab.send({{"type", "hello"}, {"resume", resume}});
  room.settle();
  return tab.receive();
}

json streams(const json& stream, std::size_t have) {
  return {{"streams", {{stream.get<std::string>(), have}}}};
}

json types(const std::vector<json>& events) {
  json list = json::array();
  for (const json& event : events) list.push_back(event["type"]);
  return list;
}

TEST(Resume, OfARunningReplyIsFullAndGoesOn) {
  Room room;
  const User user = room.new_user();
  auto tab = room.enter(user);
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "one two ");
  tab->close();
  Tab again(room, user);
  const auto events = resume(room, again, streams(accepted["stream"], 4));
  EXPECT_EQ(types(events), json({"ready", "started", "delta"}));
  EXPECT_EQ(events[0]["resumed"], "full");
  EXPECT_FALSE(events[0].contains("unknown"));
  EXPECT_EQ(events[2]["from"], 4);
  EXPECT_EQ(events[2]["text"], "two ");
  room.time.advance(Milliseconds(20));
  room.write(room.last(), "three");
  EXPECT_EQ(again.receive_only()["text"], "three");
}

TEST(Resume, OfAReplyThatEndedMeanwhileIsFullAndEndsWithDone) {
  Room room;
  const User user = room.new_user();
  auto tab = room.enter(user);
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "one");
  tab->close();
  room.finish(room.last());
  Tab again(room, user);
  const auto events = resume(room, again, streams(accepted["stream"], 0));
  EXPECT_EQ(types(events), json({"ready", "delta", "done"}));
  EXPECT_EQ(events[0]["resumed"], "full");
  EXPECT_EQ(events[2]["to"], 3);
}

TEST(Resume, OfAReplyThatIsOnlyInTheHistoryIsASnapshot) {
  Room room;
  const User user = room.new_user();
  auto tab = room.enter(user);
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "one");
  room.finish(room.last());
  tab->close();
  room.tick(std::chrono::minutes(3));
  Tab again(room, user);
  const auto events = resume(room, again, streams(accepted["stream"], 1));
  EXPECT_EQ(types(events), json({"ready", "snapshot", "done"}));
  EXPECT_EQ(events[0]["resumed"], "snapshot");
  EXPECT_EQ(events[1]["parts"][0]["text"], "one");
}

TEST(Resume, APositionBeyondTheEndIsASnapshotAndGoesOn) {
  Room room;
  const User user = room.new_user();
  auto tab = room.enter(user);
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "one");
  Tab again(room, user);
  const auto events = resume(room, again, streams(accepted["stream"], 100));
  EXPECT_EQ(types(events), json({"ready", "started", "snapshot"}));
  EXPECT_EQ(events[0]["resumed"], "snapshot");
  room.finish(room.last());
  EXPECT_EQ(again.receive_only()["type"], "done");
}

TEST(Resume, OfNothingOrOfUnknownStreamsIsNoneAndNoError) {
  Room room;
  const User ada = room.new_user();
  auto tab = room.enter(ada);
  const json accepted = room.ask(*tab, "hi");
  Tab empty(room, ada);
  EXPECT_EQ(resume(room, empty, json::object())[0]["resumed"], "none");
  // A foreign stream and one that never was get the same answer.
  const std::string never(32, 'e');
  for (const std::string& stream : {accepted["stream"].get<std::string>(), never}) {
    Tab bob(room, room.new_user());
    const auto events = resume(room, bob, streams(stream, 0));
    EXPECT_EQ(types(events), json({"ready"}));
    EXPECT_EQ(events[0]["resumed"], "none");
    EXPECT_EQ(events[0]["unknown"], json::array({stream}));
  }
}

// Once, it was promised and never came: it had been in memory when the others were looked for.
TEST(Resume, AReplyThatIsDeletedWhileOthersAreLookedForIsUnknown) {
  Room room;
  const User user = room.new_user();
  auto tab = room.enter(user);
  const json old = room.ask(*tab, "hi");
  room.write(room.last(), "one");
  room.finish(room.last());
  tab->receive();
  room.tick(Milliseconds(130'000));  // out of memory by now
  const json late = room.ask(*tab, "hi again");
  room.write(room.last(), "two");
  room.finish(room.last());
  tab->receive();
  tab->send({{"type", "history.delete"}, {"id", "d"}, {"conversation", late["conversation"]}});
  Tab again(room, user);
  const auto events =
      resume(room, again,
             {{"streams",
               {{old["stream"].get<std::string>(), 0}, {late["stream"].get<std::string>(), 0}}}});
  EXPECT_EQ(types(events), json({"ready", "snapshot", "done"}));
  EXPECT_EQ(events[0]["unknown"], json::array({late["stream"]}));
  EXPECT_EQ(events[1]["stream"], old["stream"]);
}

TEST(Resume, SeveralStreamsComeBackOnOneSocket) {
  Room room;
  const User user = room.new_user();
  auto tab = room.enter(user);
  const json first = room.ask(*tab, "first");
  const auto first_request = room.last();
  const json second = room.ask(*tab, "second");
  const auto second_request = room.last();
  room.write(first_request, "aa");
  room.write(second_request, "bb");
  tab->close();
  Tab again(room, user);
  const auto events = resume(room, again,
                             {{"streams",
                               {{first["stream"].get<std::string>(), 1},
                                {second["stream"].get<std::string>(), 2},
                                {std::string(32, 'e'), 0}}}});
  EXPECT_EQ(events[0]["resumed"], "full");
  EXPECT_EQ(events[0]["unknown"], json::array({std::string(32, 'e')}));
  std::map<std::string, std::string> texts;
  for (const json& event : events) {
    if (event["type"] == "delta") texts[event["stream"]] += event["text"];
  }
  EXPECT_EQ(texts[first["stream"]], "a");
  EXPECT_FALSE(texts.contains(second["stream"]));
}

TEST(Resume, AQueuedReplyKeepsItsPlaceAndSaysWhere) {
  Limits limits;
  limits.service.running_per_user = 1;
  Room room(limits);
  const User user = room.new_user();
  auto tab = room.enter(user);
  room.ask(*tab, "first");
  const auto running = room.last();
  room.write(running, "x");
  const json waiting = room.ask(*tab, "second");
  room.ask(*tab, "third");
  tab->close();
  room.tick(std::chrono::minutes(5));
  Tab again(room, user);
  const auto events = resume(room, again, streams(waiting["stream"], 0));
  ASSERT_EQ(types(events), json({"ready", "queued"}));
  EXPECT_EQ(events[0]["resumed"], "full");
  EXPECT_EQ(events[1]["position"], 1);
  EXPECT_EQ(events[1]["of"], 2);
  room.finish(running);
  EXPECT_EQ(room.engine.requests.at(room.last()).request.prompt_ids.size(),
            std::string("user:second|>").size());
}

TEST(Resume, EachBoundHoldsAtItAndOneBeyondIsRefused) {
  Room room;
  const User user = room.new_user();
  const auto many = [](int count) {
    json list = json::object();
    for (int i = 0; i < count; ++i) {
      std::string id(32, 'a');
      id[30] = static_cast<char>('0' + i / 10);
      id[31] = static_cast<char>('0' + i % 10);
      list[id] = 0;
    }
    return json{{"streams", list}};
  };
  Tab at_bound(room, user);
  EXPECT_EQ(resume(room, at_bound, many(32))[0]["unknown"].size(), 32U);
  for (const json& bad : {many(33), json{{"streams", {{"short", 0}}}},
                          json{{"streams", {{std::string(32, 'a'), -1}}}},
                          json{{"streams", {{std::string(32, 'a'), "1"}}}},
                          json{{"streams", json::array()}}, json{{"session", 7}}, json(7)}) {
    Tab tab(room, user);
    const auto events = resume(room, tab, bad);
    ASSERT_EQ(events.size(), 1U) << bad;
    EXPECT_EQ(events[0]["error"]["code"], "invalid_parameter") << bad;
  }
}

TEST(Resume, IdsOfAnotherServerAreNoError) {
  Room room;
  Tab tab(room, room.new_user());
  EXPECT_EQ(resume(room, tab, {{"session", "other"}, {"epoch", ""}})[0]["type"], "ready");
}

TEST(Resume, AtTheCapTheResumedSocketMakesRoom) {
  Limits limits;
  limits.service.sockets_per_user = 2;
  Room room(limits);
  const User user = room.new_user();
  Tab first(room, user);
  const json session = resume(room, first, json::object())[0]["session"];
  auto second = room.enter(user);
  Tab third(room, user);
  EXPECT_EQ(resume(room, third, {{"session", session}})[0]["type"], "ready");
  EXPECT_EQ(first.close_code(), 4409);
  EXPECT_EQ(second->close_code(), std::nullopt);
  Tab fourth(room, user);
  resume(room, fourth, {{"session", std::string(32, 'a')}});
  EXPECT_EQ(fourth.close_code(), 1013);
}

TEST(Resume, BelowTheCapBothSocketsStay) {
  Room room;
  const User user = room.new_user();
  Tab first(room, user);
  const json session = resume(room, first, json::object())[0]["session"];
  Tab copy(room, user);  // a browser copies the session with the tab
  resume(room, copy, {{"session", session}});
  EXPECT_EQ(first.close_code(), std::nullopt);
}

TEST(Resume, AnothersSessionMakesNoRoom) {
  Limits limits;
  limits.service.sockets_per_user = 1;
  Room room(limits);
  Tab ada(room, room.new_user());
  const json session = resume(room, ada, json::object())[0]["session"];
  const User bob = room.new_user();
  auto bobs = room.enter(bob);
  Tab second(room, bob);
  resume(room, second, {{"session", session}});
  EXPECT_EQ(ada.close_code(), std::nullopt);
  EXPECT_EQ(second.close_code(), 1013);
}

}  // namespace
}  // namespace hearth::server

// The conversation tree over the wire: edit, settings, head, undo, search, and what other tabs
// hear.
#include <gtest/gtest.h>

#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::json;
using testing::Room;
using testing::Tab;

json call(Room& room, Tab& tab, json message) {
  tab.receive();
  message["id"] = "h";
  tab.send(message);
  room.settle();
  return tab.receive_only();
}

json get(Room& room, Tab& tab, const json& conversation) {
  return call(room, tab, {{"type", "history.get"}, {"conversation", conversation}})["data"];
}

struct Talk {
  explicit Talk(Limits limits = {}) : room(limits) {
    user = room.new_user();
    tab = room.enter(user);
    accepted = room.ask(*tab, "What is a token?");
    room.write(room.last(), "A piece of text.");
    room.finish(room.last());
    tab->receive();
  }
  json change(json message) {
    message["conversation"] = accepted["conversation"];
    return call(room, *tab, message);
  }
  json messages() { return get(room, *tab, accepted["conversation"])["messages"]; }

  Room room;
  User user;
  std::unique_ptr<Tab> tab;
  json accepted;
};

TEST(Tree, AnEditedAnswerIsWhatTheModelSeesNext) {
  Talk talk;
  const json edited = talk.change(
      {{"type", "chat.edit"}, {"message", talk.accepted["stream"]}, {"content", "A word."}});
  EXPECT_EQ(edited["data"]["revision"], 1);
  EXPECT_EQ(talk.messages()[1]["content"], "A word.");
  EXPECT_EQ(talk.messages()[1]["edited"], true);
  EXPECT_EQ(talk.messages()[1]["to"], 0);
  talk.room.ask(*talk.tab, "More", {{"conversation", talk.accepted["conversation"]}});
  const auto& request = talk.room.engine.requests.at(talk.room.last()).request;
  EXPECT_EQ(testing::text_of(request.prompt_ids),
            "user:What is a token?|assistant:A word.|user:More|>");
}

TEST(Tree, EditingAQuestionIsASiblingWithItsOwnReply) {
  Talk talk;
  const json again =
      talk.room.ask(*talk.tab, "What is a word?",
                    {{"conversation", talk.accepted["conversation"]}, {"parent", nullptr}});
  EXPECT_EQ(again["parent"], nullptr);
  const auto& request = talk.room.engine.requests.at(talk.room.last()).request;
  EXPECT_EQ(testing::text_of(request.prompt_ids), "user:What is a word?|>");
  EXPECT_EQ(talk.messages().size(), 4U);
}

TEST(Tree, AStaleTabOverwritesNothing) {
  Talk talk;
  const json first = talk.change({{"type", "conversation.update"}, {"pinned", true}});
  EXPECT_EQ(first["data"]["revision"], 1);
  EXPECT_EQ(first["data"]["pinned"], true);
  for (const json& stale : {json{{"type", "conversation.update"}, {"title", "x"}, {"revision", 0}},
                            json{{"type", "history.rename"}, {"title", "x"}, {"revision", 0}},
                            json{{"type", "chat.edit"},
                                 {"message", talk.accepted["stream"]},
                                 {"content", "x"},
                                 {"revision", 0}}}) {
    EXPECT_EQ(talk.change(stale)["error"]["code"], "conflict") << stale;
  }
  EXPECT_EQ(talk.messages()[1]["content"], "A piece of text.");
}

TEST(Tree, AMessageFromAnOldTabIsNeverRefused) {
  Talk talk;
  talk.change({{"type", "conversation.update"}, {"title", "renamed elsewhere"}});
  const json late = talk.room.ask(
      *talk.tab, "offline words",
      {{"conversation", talk.accepted["conversation"]}, {"parent", talk.accepted["stream"]}});
  EXPECT_EQ(late["duplicate"], false);
}

TEST(Tree, TheHeadChoosesTheBranchThatIsShownWithoutARevision) {
  Talk talk;
  const json head =
      talk.change({{"type", "conversation.head"}, {"head", talk.accepted["user_message"]}});
  EXPECT_EQ(head["data"]["head"], talk.accepted["user_message"]);
  const json data = get(talk.room, *talk.tab, talk.accepted["conversation"]);
  EXPECT_EQ(data["conversation"]["head"], talk.accepted["user_message"]);
  EXPECT_EQ(data["conversation"]["revision"], 0);
}

TEST(Tree, WhatWasDeletedComesBackForHalfAnHour) {
  Talk talk;
  const json gone = talk.change({{"type", "history.delete"}});
  EXPECT_EQ(gone["data"]["conversation"], talk.accepted["conversation"]);
  EXPECT_EQ(talk.change({{"type", "history.get"}})["error"]["code"], "not_found");
  talk.room.time.advance(std::chrono::minutes(30));
  EXPECT_EQ(talk.change({{"type", "history.restore"}})["data"]["conversations"].size(), 1U);
  EXPECT_EQ(talk.messages().size(), 2U);
  talk.change({{"type", "history.delete"}});
  talk.room.time.advance(std::chrono::minutes(30) + Milliseconds(1));
  EXPECT_EQ(talk.change({{"type", "history.restore"}})["error"]["code"], "not_found");
}

TEST(Tree, ForeverIsForever) {
  Talk talk;
  talk.change({{"type", "history.delete"}, {"forever", true}});
  EXPECT_EQ(talk.change({{"type", "history.restore"}})["error"]["code"], "not_found");
}

TEST(Tree, WhatIsHiddenIsErasedWhenItsTimeIsOver) {
  Talk talk;
  talk.change({{"type", "history.delete"}});
  talk.room.tick(std::chrono::minutes(31));
  // Even a server whose clock goes back finds nothing any more.
  talk.room.time.unix_ms -= 31 * 60'000;
  EXPECT_EQ(talk.change({{"type", "history.restore"}})["error"]["code"], "not_found");
}

TEST(Tree, SearchAnswersWithMarkedSnippets) {
  Talk talk;
  const json found = call(talk.room, *talk.tab, {{"type", "history.search"}, {"query", "piece"}});
  ASSERT_EQ(found["data"]["hits"].size(), 1U);
  const json hit = found["data"]["hits"][0];
  EXPECT_EQ(hit["message"], talk.accepted["stream"]);
  EXPECT_EQ(hit["role"], "assistant");
  EXPECT_EQ(hit["snippet"][1], json({{"text", "piece"}, {"match", true}}));
  EXPECT_EQ(
      call(talk.room, *talk.tab, {{"type", "history.search"}, {"query", "?"}})["error"]["code"],
      "invalid_parameter");
}

TEST(Tree, OtherSocketsOfTheUserHearOfChangesAndNobodyElse) {
  Talk talk;
  auto second = talk.room.enter(talk.user);
  auto bob = talk.room.enter();
  talk.change({{"type", "conversation.update"}, {"title", "Tokens"}});
  json heard = second->receive_only();
  EXPECT_EQ(heard["type"], "changed");
  EXPECT_EQ(heard["what"], "updated");
  EXPECT_EQ(heard["summary"]["title"], "Tokens");
  talk.change({{"type", "history.delete"}});
  heard = second->receive_only();
  EXPECT_EQ(heard["what"], "deleted");
  EXPECT_EQ(heard["conversation"], talk.accepted["conversation"]);
  talk.change({{"type", "history.restore"}});
  EXPECT_EQ(second->receive_only()["what"], "restored");
  talk.room.ask(*talk.tab, "more", {{"conversation", talk.accepted["conversation"]}});
  heard = second->receive_only();
  EXPECT_EQ(heard["what"], "messages");
  EXPECT_EQ(heard["summary"]["live"].size(), 1U);
  EXPECT_TRUE(bob->receive().empty());
}

TEST(Tree, NothingOfAnotherCanBeChanged) {
  Talk talk;
  auto bob = talk.room.enter();
  const json conversation = talk.accepted["conversation"];
  const json message = talk.accepted["stream"];
  for (json attempt :
       {json{{"type", "chat.edit"}, {"message", message}, {"content", "x"}},
        json{{"type", "chat.continue"}, {"message", message}},
        json{{"type", "conversation.update"}, {"title", "x"}},
        json{{"type", "conversation.head"}, {"head", message}}, json{{"type", "history.delete"}},
        json{{"type", "history.restore"}}, json{{"type", "context.measure"}, {"content", "x"}}}) {
    attempt["conversation"] = conversation;
    const json foreign = call(talk.room, *bob, attempt);
    attempt["conversation"] = std::string(32, 'e');
    const json unknown = call(talk.room, *bob, attempt);
    EXPECT_EQ(foreign["error"]["code"], "not_found") << attempt;
    EXPECT_EQ(foreign, unknown) << attempt;
  }
  EXPECT_TRUE(
      call(talk.room, *bob, {{"type", "history.search"}, {"query", "token"}})["data"]["hits"]
          .empty());
}

}  // namespace
}  // namespace hearth::server

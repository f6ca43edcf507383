// history.*, identity, and that nobody reaches what is another's (reliability ).
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

json listing(Room& room, Tab& tab) {
  return call(room, tab, {{"type", "history.list"}})["data"]["conversations"];
}

TEST(History, ListsNewestFirstInPages) {
  Room room;
  auto tab = room.enter();
  for (const char* title : {"one", "two", "three"}) {
    room.ask(*tab, title);
    room.finish(room.last());
    room.tick(Milliseconds(10));
  }
  const json first = call(room, *tab, {{"type", "history.list"}, {"limit", 2}})["data"];
  ASSERT_EQ(first["conversations"].size(), 2U);
  EXPECT_EQ(first["conversations"][0]["title"], "three");
  const json second =
      call(room, *tab, {{"type", "history.list"}, {"limit", 2}, {"cursor", first["next"]}})["data"];
  ASSERT_EQ(second["conversations"].size(), 1U);
  EXPECT_EQ(second["conversations"][0]["title"], "one");
  EXPECT_FALSE(second.contains("next"));
}

TEST(History, ABadCursorIsAnInvalidParameter) {
  Room room;
  auto tab = room.enter();
  EXPECT_EQ(call(room, *tab, {{"type", "history.list"}, {"cursor", "zzz"}})["error"]["code"],
            "invalid_parameter");
}

TEST(History, GetShowsALiveReplyAsItIs) {
  Room room;
  auto tab = room.enter();
  const json accepted = room.ask(*tab, "hi", {{"system", "S"}, {"params", {{"temperature", 0.5}}}});
  room.write(room.last(), "hel");
  const json data = call(
      room, *tab, {{"type", "history.get"}, {"conversation", accepted["conversation"]}})["data"];
  EXPECT_EQ(data["conversation"]["system"], "S");
  EXPECT_EQ(data["conversation"]["params"], json({{"temperature", 0.5}}));
  EXPECT_EQ(data["conversation"]["live"], json::array({accepted["stream"]}));
  ASSERT_EQ(data["messages"].size(), 2U);
  EXPECT_EQ(data["messages"][0]["content"], "hi");
  EXPECT_EQ(data["messages"][0]["parent"], nullptr);
  EXPECT_EQ(data["messages"][1]["parent"], data["messages"][0]["id"]);
  EXPECT_EQ(data["messages"][1]["status"], "streaming");
  EXPECT_EQ(data["messages"][1]["content"], "hel");
  EXPECT_EQ(data["messages"][1]["to"], 3);
  EXPECT_FALSE(data["messages"][1].contains("finish_reason"));
}

TEST(History, LongConversationsComeInPages) {
  Limits limits;
  Room room(limits);
  room.service->set_model(
      {.id = "test", .state = ModelState::ready, .info = testing::byte_model(1'000'000)});
  auto tab = room.enter();
  json conversation;
  for (int i = 0; i < 4; ++i) {
    const json accepted =
        room.ask(*tab, std::string(100'000, 'x'),
                 conversation.is_null() ? json::object() : json({{"conversation", conversation}}));
    conversation = accepted["conversation"];
    room.finish(room.last());
  }
  std::size_t num_messages = 0;
  json cursor = "";
  int num_pages = 0;
  for (; num_pages < 20; ++num_pages) {
    const json data =
        call(room, *tab,
             {{"type", "history.get"}, {"conversation", conversation}, {"cursor", cursor}})["data"];
    num_messages += data["messages"].size();
    if (!data.contains("next")) break;
    cursor = data["next"];
  }
  EXPECT_EQ(num_messages, 8U);
  EXPECT_GT(num_pages, 1);
}

TEST(History, RenameChecksTheRevision) {
  Room room;
  auto tab = room.enter();
  const json id = room.ask(*tab, "hi")["conversation"];
  const json renamed =
      call(room, *tab,
           {{"type", "history.rename"}, {"conversation", id}, {"title", "New"}, {"revision", 0}});
  EXPECT_EQ(renamed["data"], json({{"conversation", id}, {"title", "New"}, {"revision", 1}}));
  const json stale =
      call(room, *tab,
           {{"type", "history.rename"}, {"conversation", id}, {"title", "Other"}, {"revision", 0}});
  EXPECT_EQ(stale["error"]["code"], "conflict");
  EXPECT_EQ(listing(room, *tab)[0]["title"], "New");
}

TEST(History, DeleteEndsTheReplyFirst) {
  Room room;
  auto tab = room.enter();
  const json accepted = room.ask(*tab, "hi");
  room.write(room.last(), "hel");
  tab->receive();
  tab->send({{"type", "history.delete"}, {"id", "d"}, {"conversation", accepted["conversation"]}});
  EXPECT_TRUE(room.engine.requests.at(room.last()).is_cancelled);
  room.settle();
  const auto events = tab->receive();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0]["finish_reason"], "cancelled");
  EXPECT_EQ(events[1]["type"], "result");
  EXPECT_TRUE(listing(room, *tab).empty());
  EXPECT_EQ(room.service->admission().live(), 0);
  room.finish(room.last());  // the engine's last words find nobody
  EXPECT_TRUE(tab->receive().empty());
}

TEST(History, ClearDeletesEverythingOfThisUserOnly) {
  Room room;
  auto ada = room.enter();
  auto bob = room.enter();
  for (int i = 0; i < 3; ++i) {
    room.ask(*ada, "hi");
    room.finish(room.last());
  }
  room.ask(*bob, "hi");
  EXPECT_EQ(call(room, *ada, {{"type", "history.clear"}})["data"]["deleted"], 3);
  EXPECT_TRUE(listing(room, *ada).empty());
  EXPECT_EQ(listing(room, *bob).size(), 1U);
}

// every message that names something, with another's ids, with unknown ones, and with ids of
// another kind.
TEST(Isolation, AForeignIdAndAnUnknownOneGetTheSameAnswer) {
  Room room;
  constexpr int kUsers = 4;
  std::vector<std::unique_ptr<Tab>> tabs;
  std::vector<json> owned;
  for (int i = 0; i < kUsers; ++i) {
    tabs.push_back(room.enter());
    owned.push_back(room.ask(*tabs.back(), "secret " + std::to_string(i)));
    room.write(room.last(), "hidden");
    if (i % 2 == 0) room.finish(room.last());  // live and ended replies alike
  }
  const json unknown = "00000000000000000000000000000000";
  const auto probes = [](const json& conversation, const json& message) {
    return std::vector<json>{
        {{"type", "chat.create"}, {"content", "x"}, {"conversation", conversation}},
        {{"type", "chat.create"},
         {"content", "x"},
         {"conversation", conversation},
         {"parent", message}},
        {{"type", "chat.create"},
         {"conversation", conversation},
         {"parent", message},
         {"regenerate", true}},
        {{"type", "chat.cancel"}, {"stream", message}},
        {{"type", "stream.attach"}, {"stream", message}, {"have", 0}},
        {{"type", "history.get"}, {"conversation", conversation}},
        {{"type", "history.rename"}, {"conversation", conversation}, {"title", "mine"}},
        {{"type", "history.delete"}, {"conversation", conversation}},
        {{"type", "history.restore"}, {"conversation", conversation}},
        {{"type", "chat.answer"}, {"stream", message}},
        {{"type", "chat.step"}, {"stream", message}},
        {{"type", "chat.continue"}, {"conversation", conversation}, {"message", message}},
        {{"type", "chat.edit"},
         {"conversation", conversation},
         {"message", message},
         {"content", "x"}},
        {{"type", "context.measure"}, {"conversation", conversation}, {"content", "x"}},
        {{"type", "conversation.update"}, {"conversation", conversation}, {"pinned", true}},
        {{"type", "conversation.head"}, {"conversation", conversation}, {"head", message}}};
  };
  for (int asker = 0; asker < kUsers; ++asker) {
    for (int owner = 0; owner < kUsers; ++owner) {
      if (asker == owner) continue;
      for (const char* kind : {"assistant_message", "user_message"}) {
        const auto foreign = probes(owned[static_cast<std::size_t>(owner)]["conversation"],
                                    owned[static_cast<std::size_t>(owner)][kind]);
        const auto nobodys = probes(unknown, unknown);
        for (std::size_t i = 0; i < foreign.size(); ++i) {
          room.tick(Milliseconds(1000));                // stay below the rate limit
          for (const auto& tab : tabs) tab->receive();  // nobody is a slow reader here
          Tab& tab = *tabs[static_cast<std::size_t>(asker)];
          const json a = call(room, tab, foreign[i]);
          const json b = call(room, tab, nobodys[i]);
          EXPECT_EQ(a, b) << foreign[i];
          EXPECT_EQ(a["error"]["code"], "not_found") << a;
        }
      }
    }
  }
  for (int i = 0; i < kUsers; ++i)
    EXPECT_EQ(listing(room, *tabs[static_cast<std::size_t>(i)])[0]["title"],
              "secret " + std::to_string(i));
}

// A message id of one conversation does not reach into another, even of the same user.
TEST(Isolation, AParentMustBeInTheNamedConversation) {
  Room room;
  auto tab = room.enter();
  const json a = room.ask(*tab, "a");
  room.finish(room.last());
  const json b = room.ask(*tab, "b");
  room.finish(room.last());
  const json answer = call(room, *tab,
                           {{"type", "chat.create"},
                            {"content", "x"},
                            {"conversation", a["conversation"]},
                            {"parent", b["assistant_message"]}});
  EXPECT_EQ(answer["error"]["code"], "not_found");
}

class IdentityTest : public ::testing::Test {
 protected:
  Result<SessionGrant> open(std::optional<std::string> secret,
                            std::optional<std::string> name = std::nullopt) {
    Result<SessionGrant> result = fail(ErrorCode::internal, "no answer");
    room.service->open_session({.secret = std::move(secret), .name = std::move(name)},
                               [&](Result<SessionGrant> grant) { result = std::move(grant); });
    room.settle();
    return result;
  }
  Room room;
};

TEST_F(IdentityTest, ACookieBringsTheSameUserBack) {
  const auto first = open(std::nullopt, "Ada");
  ASSERT_TRUE(first.has_value());
  ASSERT_TRUE(first->new_secret.has_value());
  EXPECT_EQ(first->new_secret->size(), 64U);
  const auto second = open(first->new_secret);
  EXPECT_EQ(second->user.id, first->user.id);
  EXPECT_EQ(second->user.name, "Ada");
  EXPECT_FALSE(second->new_secret.has_value());
  EXPECT_EQ(open(first->new_secret, "Ida")->user.name, "Ida");
  EXPECT_EQ(open(first->new_secret)->user.name, "Ida");
}

TEST_F(IdentityTest, ASecretOfTheClientsOwnIsNeverAdopted) {
  const auto grant = open(std::string(64, 'a'));
  ASSERT_TRUE(grant->new_secret.has_value());
  EXPECT_NE(*grant->new_secret, std::string(64, 'a'));
  Result<User> user = fail(ErrorCode::internal, "");
  room.service->authenticate(std::string(64, 'a'),
                             [&](Result<User> found) { user = std::move(found); });
  room.settle();
  EXPECT_EQ(user.error().code, ErrorCode::unauthorized);
}

TEST_F(IdentityTest, NamesAreShortAndPlain) {
  EXPECT_EQ(open(std::nullopt, std::string(121, 'x')).error().code, ErrorCode::invalid_parameter);
  EXPECT_EQ(open(std::nullopt, "a\nb").error().code, ErrorCode::invalid_parameter);
}

TEST_F(IdentityTest, TheLocalUserIsAlwaysTheSame) {
  std::vector<User> users;
  for (int i = 0; i < 2; ++i)
    room.service->local_user([&](Result<User> user) { users.push_back(*user); });
  room.settle();
  ASSERT_EQ(users.size(), 2U);
  EXPECT_EQ(users[0].id, users[1].id);
  EXPECT_EQ(users[0].kind, UserKind::local);
}

TEST_F(IdentityTest, AHelloTokenIsAsGoodAsACookieAndAnUnknownOneCloses4401) {
  const auto grant = open(std::nullopt, "Ada");
  Tab good(room, std::nullopt);
  good.send({{"type", "hello"}, {"token", *grant->new_secret}});
  room.settle();
  EXPECT_EQ(good.receive_only()["user"]["name"], "Ada");
  Tab bad(room, std::nullopt);
  bad.send({{"type", "hello"}, {"token", "guess"}});
  room.settle();
  EXPECT_EQ(bad.receive_only()["error"]["code"], "unauthorized");
  EXPECT_EQ(bad.close_code(), 4401);
  Tab none(room, std::nullopt);
  none.send({{"type", "hello"}});
  EXPECT_EQ(none.close_code(), 4401);
}

TEST_F(IdentityTest, TheNinthSocketOfAUserIsTurnedAway) {
  const User user = room.new_user();
  std::vector<std::unique_ptr<Tab>> tabs;
  for (int i = 0; i < 8; ++i) tabs.push_back(room.enter(user));
  EXPECT_EQ(room.enter(user)->close_code(), 1013);
  tabs.front()->close();
  EXPECT_EQ(room.enter(user)->close_code(), std::nullopt);
}

}  // namespace
}  // namespace hearth::server

// Keys over HTTP, and what ends when one of them is revoked.
#include <gtest/gtest.h>

#include "server/api/chat_call.h"
#include "server/api/keys_api.h"
#include "server/api/openai_chat.h"
#include "tests/server/api/support/api_room.h"

namespace hearth::server::testing {
namespace {

using nlohmann::json;

constexpr const char* kAsk = R"({"messages": [{"role": "user", "content": "hi"}]})";
constexpr const char* kAskStream =
    R"({"stream": true, "messages": [{"role": "user", "content": "hi"}]})";

class Access : public ::testing::Test {
 protected:
  Access() {
    room.service_.open_session({.name = "Ada"},
                               [&](const Result<SessionGrant>& grant) { ada = grant->user; });
    settle();
    room.service_.account().on_access_end(
        [this](const AccessEnd& end) { room.generations_.end_access(end); });
  }

  void settle() {
    for (bool moved = true; moved;) {
      moved = !room.posted_.empty();
      auto posted = std::exchange(room.posted_, {});
      for (auto& task : posted) task();
      while (room.text_.work()) moved = true;
    }
  }
  std::shared_ptr<HeldResponse> call(const Handler& handler, const User& user,
                                     const std::string& body, const std::string& tail = "",
                                     const std::string& path = "/api/v1/x") {
    auto request = std::make_shared<HttpRequest>();
    request->method = "POST";
    request->path = path;
    request->user = user;
    request->body = body;
    request->tail = tail;
    auto response = std::make_shared<HeldResponse>();
    room.responses_.push_back(response);
    handler(request, response);
    settle();
    return response;
  }
  json make_key(const std::string& body = "{}") {
    return call(create_key_handler(room.service_), ada, body)->body();
  }
  User user_of(const std::string& secret) {
    User user;
    room.service_.authenticate(secret, [&](const Result<User>& found) {
      ASSERT_TRUE(found);
      user = *found;
    });
    settle();
    return user;
  }
  std::shared_ptr<HeldResponse> ask(const User& user, const char* body) {
    return call(chat_completions_handler(room.generations_), user, body, "",
                "/v1/chat/completions");
  }

  ApiRoom room;
  User ada;
};

TEST_F(Access, AKeyIsShownOnceAndListedWithoutItsSecret) {
  const json made = make_key(R"({"label": "laptop", "scope": "read", "expires": 2000000000000})");
  const std::string secret = made["key"];
  EXPECT_EQ(secret.substr(0, 3), "hk-");
  EXPECT_EQ(made["scope"], "read");
  const json list = call(list_keys_handler(room.service_), ada, "")->body();
  ASSERT_EQ(list["keys"].size(), 1U);
  json expected = made;
  expected.erase("key");
  EXPECT_EQ(list["keys"][0], expected);
  EXPECT_EQ(list.dump().find(secret.substr(3)), std::string::npos);
}

TEST_F(Access, WishesForKeysAreChecked) {
  for (const char* body : {R"({"scope": "owner"})", R"({"scope": 7})", R"({"label": 7})",
                           R"({"expires": -1})", R"({"expires": "soon"})"}) {
    EXPECT_EQ(call(create_key_handler(room.service_), ada, body)->whole->status, 400) << body;
  }
  for (int i = 0; i < HistoryStore::kKeysMax; ++i) EXPECT_TRUE(make_key().contains("key")) << i;
  EXPECT_EQ(call(create_key_handler(room.service_), ada, "{}")->body()["code"], "quota_exceeded");
}

TEST_F(Access, AKeyMakesNoKeys) {
  const User program = user_of(make_key()["key"]);
  for (const auto& handler :
       {create_key_handler(room.service_), list_keys_handler(room.service_)}) {
    EXPECT_EQ(call(handler, program, "{}")->whole->status, 403);
  }
}

TEST_F(Access, ARevokedKeyLosesTheRepliesThatAreWrittenForIt) {
  const json made = make_key();
  const User program = user_of(made["key"]);
  const auto stream = ask(program, kAskStream);
  room.write("so far");
  const auto whole = ask(program, kAsk);
  const auto mine = ask(ada, kAsk);
  ASSERT_EQ(room.generations_.live(), 3U);
  const auto revoked =
      call(revoke_key_handler(room.service_), ada, "", made["id"].get<std::string>());
  EXPECT_EQ(revoked->body()["revoked"], true);
  EXPECT_TRUE(stream->is_over);
  EXPECT_EQ(stream->events().back()["error"]["code"], "unauthorized");
  EXPECT_EQ(whole->whole->status, 401);
  EXPECT_EQ(room.generations_.live(), 1U) << "the owner's own goes on";
  EXPECT_TRUE(room.engine_.requests.at(room.engine_.order[0]).is_cancelled);
  EXPECT_TRUE(room.engine_.requests.at(room.engine_.order[1]).is_cancelled);
  EXPECT_FALSE(room.engine_.requests.at(room.engine_.order[2]).is_cancelled);
}

TEST_F(Access, ARevokedKeyLosesItsEventStreams) {
  const json made = make_key();
  const User program = user_of(made["key"]);
  const auto accepted =
      call(chat_call_handler(room.service_), program, R"({"id": "c", "content": "hi"})");
  ASSERT_EQ(accepted->whole->status, 202) << accepted->whole->body;
  const std::string stream = accepted->body()["stream"];
  const Handler events = stream_events_handler(room.service_, Milliseconds(15'000));
  const auto theirs = call(events, program, "", stream + "/events");
  const auto mine = call(events, ada, "", stream + "/events");
  ASSERT_TRUE(theirs->head_of_stream);
  call(revoke_key_handler(room.service_), ada, "", made["id"].get<std::string>());
  EXPECT_TRUE(theirs->is_over);
  EXPECT_NE(theirs->stream.find("4401"), std::string::npos);
  EXPECT_FALSE(mine->is_over);
}

TEST_F(Access, AKeyThatOnlyReadsAsksNothing) {
  const User program = user_of(make_key(R"({"scope": "read"})")["key"]);
  EXPECT_EQ(ask(program, kAsk)->whole->status, 403);
  const auto refused =
      call(chat_call_handler(room.service_), program, R"({"id": "c", "content": "hi"})");
  EXPECT_EQ(refused->whole->status, 403);
  const auto list =
      call(chat_call_handler(room.service_), program, R"({"type": "history.list", "id": "l"})");
  EXPECT_EQ(list->whole->status, 200);
}

}  // namespace
}  // namespace hearth::server::testing

// Files of conversations in and out: the three formats, limits, and importing twice.
#include <random>

#include <gtest/gtest.h>

#include "server/api/export_api.h"
#include "server/api/export_json.h"
#include "server/api/import_api.h"
#include "server/api/import_file.h"
#include "tests/server/api/support/api_room.h"

namespace hearth::server::testing {
namespace {

using nlohmann::json;

constexpr std::int64_t kNow = 1'765'432'100'000;

tl::expected<ImportFile, WireError> read(const json& file, ImportLimits limits = {}) {
  UserId owner;
  owner.bytes[0] = 1;
  return read_import(file.dump(), owner, limits, kNow);
}

json node(const char* parent, const char* role, const char* text, json more = json::object()) {
  json message = {{"author", {{"role", role}}},
                  {"content", {{"content_type", "text"}, {"parts", {text}}}},
                  {"create_time", 1700000000.5}};
  message.update(more);
  return {{"parent", parent}, {"message", message}};
}

json chatgpt() {
  return {{"title", "A trip"},
          {"conversation_id", "c-1"},
          {"create_time", 1700000000.0},
          {"update_time", 1700000100.0},
          {"current_node", "a2"},
          {"mapping",
           {{"root", {{"parent", nullptr}, {"message", nullptr}}},
            {"u1", node("root", "user", "Where to?")},
            {"call", node("u1", "assistant", "search()", {{"recipient", "browser"}})},
            {"tool", node("call", "tool", "results")},
            {"a1", node("tool", "assistant", "To Rome.")},
            {"u2", node("a1", "user", "When?")},
            {"a2", node("u2", "assistant", "In May.")},
            {"a3", node("u2", "assistant", "In June.")}}}};
}

std::vector<std::string> texts(const ConversationImport& made) {
  std::vector<std::string> all;
  for (const Message& row : made.messages) all.push_back(row.content);
  return all;
}

TEST(Import, ReadsChatGptsTreeWithoutItsTools) {
  const auto file = read(json::array({chatgpt()}));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->format, "chatgpt");
  ASSERT_TRUE(file->entries[0].conversation);
  const ConversationImport& made = *file->entries[0].conversation;
  EXPECT_EQ(made.conversation.title, "A trip");
  EXPECT_EQ(made.conversation.created_ms, 1'700'000'000'000);
  ASSERT_EQ(made.messages.size(), 5U);
  EXPECT_EQ(made.messages[0].content, "Where to?");
  EXPECT_EQ(made.messages[1].content, "To Rome.");
  EXPECT_EQ(made.messages[1].parent, made.messages[0].id) << "over the tool's messages";
  EXPECT_EQ(made.messages[0].created_ms, 1'700'000'000'500);
  EXPECT_EQ(file->entries[0].left_out.at("tool_messages"), 2);
  const auto head = std::ranges::find(made.messages, made.conversation.head,
                                      [](const Message& row) { return std::optional(row.id); });
  ASSERT_NE(head, made.messages.end());
  EXPECT_EQ(head->content, "In May.");
}

TEST(Import, TwoMessagesOfOneRoleInARowBecomeOne) {
  json file = chatgpt();
  file["mapping"] = {{"u1", node("", "user", "one")},
                     {"u2", node("u1", "user", "two")},
                     {"a1", node("u2", "assistant", "three")}};
  file["current_node"] = "u1";
  const auto read_file = read(file);
  const ConversationImport& made = *read_file->entries[0].conversation;
  EXPECT_EQ(texts(made), (std::vector<std::string>{"one\n\ntwo", "three"}));
  EXPECT_EQ(made.conversation.head, made.messages[0].id);
}

TEST(Import, ReadsOpenWebUisHistory) {
  const json file = json::array({{{"id", "w-1"},
                                  {"title", "Tokens"},
                                  {"created_at", 1700000000},
                                  {"updated_at", 1700000100},
                                  {"chat",
                                   {{"params", {{"system", "Be brief."}}},
                                    {"history",
                                     {{"currentId", "m2"},
                                      {"messages",
                                       {{"m1",
                                         {{"role", "user"},
                                          {"content", "Hi"},
                                          {"parentId", nullptr},
                                          {"timestamp", 1700000000}}},
                                        {"m2",
                                         {{"role", "assistant"},
                                          {"content", "Hello"},
                                          {"parentId", "m1"},
                                          {"model", "llama"},
                                          {"timestamp", 1700000001}}}}}}}}}}});
  const auto made = read(file);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->format, "openwebui");
  const ConversationImport& one = *made->entries[0].conversation;
  EXPECT_EQ(one.conversation.system, "Be brief.");
  EXPECT_EQ(texts(one), (std::vector<std::string>{"Hi", "Hello"}));
  EXPECT_EQ(one.messages[1].model, "llama");
}

TEST(Import, TheSameFileGivesTheSameIdsAndAnotherUserOthers) {
  const json file = chatgpt();
  const auto first = read(file);
  const auto again = read(file);
  EXPECT_EQ(first->entries[0].conversation->messages[0].id,
            again->entries[0].conversation->messages[0].id);
  const auto other = read_import(file.dump(), UserId{}, ImportLimits{}, kNow);
  EXPECT_NE(first->entries[0].conversation->conversation.id,
            other->entries[0].conversation->conversation.id);
}

TEST(Import, WhatIsRefusedIsNamed) {
  ImportLimits limits;
  limits.content_bytes = 9;
  json good = chatgpt();
  good["mapping"] = {{"u1", node("", "user", "ninebytes")}};
  json large = good;
  large["mapping"]["u1"] = node("", "user", "ten bytes!");
  json round = good;
  round["mapping"] = {{"u1", node("a1", "user", "x")}, {"a1", node("u1", "assistant", "y")}};
  json empty = good;
  empty["mapping"] = json::object();
  const auto file = read(json::array({good, large, round, empty, json(7)}), limits);
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->entries[0].conversation);
  EXPECT_EQ(file->entries[1].conversation.error().code, ErrorCode::message_too_large);
  EXPECT_EQ(file->entries[1].conversation.error().param, "messages[0].content");
  EXPECT_EQ(file->entries[2].conversation.error().code, ErrorCode::invalid_parameter);
  EXPECT_EQ(file->entries[3].conversation.error().param, "messages");
  EXPECT_EQ(file->entries[4].conversation.error().code, ErrorCode::invalid_parameter);
}

// Joined texts are copies: ten thousand answers to one long message would be gigabytes.
TEST(Import, WhatWouldGrowByJoiningIsRefusedBeforeItDoes) {
  json wide = chatgpt();
  wide["mapping"] = {{"u0", node("", "user", std::string(400'000, 'x').c_str())}};
  for (int i = 1; i < 1000; ++i) wide["mapping"]["u" + std::to_string(i)] = node("u0", "user", "y");
  json deep = chatgpt();
  deep["mapping"] = json::object();
  for (int i = 1; i < 5000; ++i) {
    deep["mapping"]["u" + std::to_string(i)] =
        node(("u" + std::to_string(i - 1)).c_str(), "user", std::string(300, 'z').c_str());
  }
  const auto file = read(json::array({wide, deep}));
  ASSERT_TRUE(file);
  for (const ImportEntry& entry : file->entries) {
    ASSERT_FALSE(entry.conversation);
    EXPECT_EQ(entry.conversation.error().code, ErrorCode::message_too_large);
  }
}

// Hidden messages hang in chains, too; their order in the file is any.
TEST(Import, AMessageBelowALongChainOfHiddenOnesHangsUnderWhatIsKept) {
  json file = chatgpt();
  file["mapping"] = {{"n0", node("", "user", "first")}};
  constexpr int kMany = 9000;
  for (int i = 1; i <= kMany; ++i) {
    file["mapping"]["n" + std::to_string(i)] =
        node(("n" + std::to_string(i - 1)).c_str(), "tool", "hidden");
  }
  file["mapping"]["z"] = node(("n" + std::to_string(kMany)).c_str(), "assistant", "last");
  file["current_node"] = "z";
  const auto made = read(file);
  ASSERT_TRUE(made->entries[0].conversation);
  const ConversationImport& one = *made->entries[0].conversation;
  EXPECT_EQ(texts(one), (std::vector<std::string>{"first", "last"}));
  EXPECT_EQ(one.messages[1].parent, one.messages[0].id);
  EXPECT_EQ(one.conversation.head, one.messages[1].id);
}

TEST(Import, AFileOfAnotherKindIsRefusedAsAWhole) {
  EXPECT_EQ(read_import("{", UserId{}, {}, kNow).error().code, ErrorCode::invalid_json);
  EXPECT_EQ(read(json{{"hello", 1}}).error().param, "format");
  ImportLimits limits;
  limits.conversations = 1;
  EXPECT_EQ(read(json::array({chatgpt(), chatgpt()}), limits).error().param, "conversations");
}

// Any part of a file may be anything: it is refused or left out, and nothing is thrown.
TEST(Import, NothingInAFileIsTrusted) {
  const json hearth = {{"format", "hearth.conversation.v1"},
                       {"id", "0123456789abcdef0123456789abcdef"},
                       {"title", "T"},
                       {"head", "a"},
                       {"params", {{"top_p", 0.5}}},
                       {"messages",
                        {{{"id", "q"}, {"parent", nullptr}, {"role", "user"}, {"content", "x"}},
                         {{"id", "a"}, {"parent", "q"}, {"role", "assistant"}, {"content", "y"}}}}};
  const json web = {
      {"id", "w"},
      {"chat",
       {{"history",
         {{"currentId", "m"}, {"messages", {{"m", {{"role", "user"}, {"content", "Hi"}}}}}}}}}};
  const json strange = {nullptr,
                        true,
                        7,
                        -1.5e300,
                        "",
                        json::array(),
                        "a",
                        "q",
                        {{}},
                        "q\n",
                        json::object(),
                        {{"text", {1, 2}}}};
  std::mt19937 random(1);
  int num_taken = 0;
  for (const json& whole : {json(chatgpt()), hearth, web}) {
    const json flat = whole.flatten();
    for (int i = 0; i < 400; ++i) {
      json changed = whole;
      // One to three places, each a leaf or what it lies in.
      for (std::size_t n = 0; n <= random() % 3; ++n) {
        auto place = flat.begin();
        std::advance(place, static_cast<std::ptrdiff_t>(random() % flat.size()));
        json::json_pointer at(place.key());
        for (std::size_t up = random() % 4; up > 0 && !at.empty(); --up) at.pop_back();
        if (changed.contains(at)) changed[at] = strange[random() % strange.size()];
      }
      const auto file = read(changed);
      if (file && !file->entries.empty() && file->entries[0].conversation) ++num_taken;
    }
  }
  EXPECT_GT(num_taken, 100) << "most changes harm little";
}

// A service, somebody in it, and the routes.
class Transfer : public ::testing::Test {
 protected:
  Transfer() { user = *grant_of(room.service_).user; }

  struct Granted {
    std::optional<User> user;
  };
  Granted grant_of(ChatService& service) {
    Granted granted;
    service.open_session({.name = "Ada"},
                         [&](const Result<SessionGrant>& grant) { granted.user = grant->user; });
    settle();
    return granted;
  }
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      while (!room.posted_.empty()) {
        auto task = std::move(room.posted_.front());
        room.posted_.erase(room.posted_.begin());
        task();
        moved = true;
      }
      while (room.text_.work()) moved = true;
    }
  }
  std::shared_ptr<HeldResponse> call(const Handler& handler, const std::string& body,
                                     const std::string& tail = "", const std::string& query = "") {
    auto request = std::make_shared<HttpRequest>();
    request->method = "POST";
    request->path = "/api/v1/x";
    request->user = user;
    request->body = body;
    request->tail = tail;
    request->query = query;
    auto response = std::make_shared<HeldResponse>();
    handler(request, response);
    settle();
    return response;
  }
  json import(const json& file) {
    const auto response = call(import_handler(room.service_, room.clock_.clock()), file.dump());
    EXPECT_EQ(response->whole->status, 200) << response->whole->body;
    return response->body();
  }
  std::string export_all() {
    const auto response = call(export_handler({room.service_, "1", room.clock_.clock()}), "");
    EXPECT_TRUE(response->is_over);
    return response->stream;
  }

  ApiRoom room;
  User user;
};

TEST_F(Transfer, ImportingTwiceMakesNoDuplicates) {
  const json first = import(json::array({chatgpt()}));
  EXPECT_EQ(first["imported"], 1);
  EXPECT_EQ(first["conversations"][0]["messages"], 5);
  const json again = import(json::array({chatgpt()}));
  EXPECT_EQ(again["known"], 1);
  EXPECT_EQ(again["imported"], 0);
  json grown = chatgpt();
  grown["mapping"]["u3"] = node("a2", "user", "Thanks");
  EXPECT_EQ(import(grown)["extended"], 1);
}

TEST_F(Transfer, WhatIsExportedComesBackAsItWas) {
  import(json::array({chatgpt()}));
  const std::string text = export_all();
  const json file = json::parse(text, nullptr, false);
  ASSERT_TRUE(file.is_object()) << text;
  EXPECT_EQ(file["format"], "hearth.export.v1");
  ASSERT_EQ(file["conversations"].size(), 1U);
  EXPECT_EQ(file["conversations"][0]["messages"].size(), 5U);
  EXPECT_EQ(import(file)["known"], 1) << "it is there";
  user = *grant_of(room.service_).user;
  EXPECT_EQ(import(file)["imported"], 1) << "it is another's";
  const json copy = json::parse(export_all());
  for (const char* field : {"title", "created", "updated", "pinned", "system"})
    EXPECT_EQ(copy["conversations"][0][field], file["conversations"][0][field]) << field;
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(copy["conversations"][0]["messages"][i]["content"],
              file["conversations"][0]["messages"][i]["content"]);
  }
}

TEST_F(Transfer, AnEmptyExportIsAFileToo) {
  EXPECT_EQ(json::parse(export_all())["conversations"], json::array());
}

TEST_F(Transfer, OneConversationIsAFileWithItsNameAndMarkdownReadsItsBranch) {
  const json imported = import(json::array({chatgpt()}));
  const std::string id = imported["conversations"][0]["conversation"];
  const ExportApi api{room.service_, "1", room.clock_.clock()};
  const auto whole = call(conversation_export_handler(api), "", id + "/export");
  ASSERT_TRUE(whole->head_of_stream);
  EXPECT_EQ(json::parse(whole->stream)["title"], "A trip");
  EXPECT_NE(whole->head_of_stream->headers[0].value.find("A-trip.json"), std::string::npos);
  const auto text = call(conversation_export_handler(api), "", id + "/export", "format=markdown");
  EXPECT_NE(text->whole->body.find("In May."), std::string::npos);
  EXPECT_EQ(text->whole->body.find("In June."), std::string::npos);
  user = *grant_of(room.service_).user;
  EXPECT_EQ(call(conversation_export_handler(api), "", id + "/export")->whole->status, 404);
}

TEST_F(Transfer, AKeyMayNotBringAnythingIn) {
  user.scope = Scope::chat;
  const auto response = call(import_handler(room.service_, room.clock_.clock()), "[]");
  EXPECT_EQ(response->whole->status, 403);
}

TEST(Export, FileNamesAreSafeEverywhere) {
  EXPECT_EQ(attachment("a/b \"c\"", "json"),
            "attachment; filename=\"a-b-c.json\"; filename*=UTF-8''a%2Fb%20%22c%22.json");
  EXPECT_EQ(attachment("词", "md"),
            "attachment; filename=\"conversation.md\"; filename*=UTF-8''%E8%AF%8D.md");
}

}  // namespace
}  // namespace hearth::server::testing

// The names in a body: the model that is asked for, and whom a program serves.
#include <gtest/gtest.h>

#include "server/api/completions_api.h"
#include "server/api/messages_api.h"
#include "server/api/ollama_api.h"
#include "server/api/openai_chat.h"
#include "server/session/engine_identity.h"
#include "tests/server/api/support/api_room.h"

namespace hearth::server {
namespace {

using testing::ApiRoom;

class Names : public ::testing::Test {
 protected:
  // The error's code, or "runs".
  std::string complete(const std::string& fields) {
    const auto response = room_.send(completions_handler(room_.generations_), "/v1/completions",
                                     R"({"prompt": "a")" + fields + "}");
    return response->whole ? response->body()["error"]["code"].get<std::string>() : "runs";
  }

  ApiRoom room_;
};

TEST_F(Names, AnyModelMeansTheOneThatIsServed) {
  EXPECT_EQ(complete(""), "runs");
  EXPECT_EQ(complete(R"(, "model": "test")"), "runs");
  EXPECT_EQ(complete(R"(, "model": "gpt-9")"), "runs");
  EXPECT_EQ(complete(R"(, "model": 9)"), "invalid_parameter");
}

TEST_F(Names, WhereNamesCountAnUnknownModelIsNotFound) {
  Generations strict([&] {
    GenerationPorts ports = room_.generations_.ports();
    ports.any_model = false;
    return ports;
  }());
  const auto status = [&](const Handler& handler, const std::string& path,
                          const std::string& body) {
    const auto response = room_.send(handler, path, body);
    return response->whole ? response->whole->status : 0;
  };
  const std::string messages = R"("messages": [{"role": "user", "content": "x"}])";
  const auto chat = chat_completions_handler(strict);
  EXPECT_EQ(status(chat, "/v1/chat/completions", "{" + messages + "}"), 0);
  EXPECT_EQ(status(chat, "/v1/chat/completions", R"({"model": "test", )" + messages + "}"), 0);
  EXPECT_EQ(status(chat, "/v1/chat/completions", R"({"model": "gpt-9", )" + messages + "}"), 404);
  EXPECT_EQ(status(messages_handler(strict), "/v1/messages",
                   R"({"model": "gpt-9", "max_tokens": 1, )" + messages + "}"),
            404);
  const auto ollama = ollama_chat_handler(strict);
  EXPECT_EQ(status(ollama, "/api/chat", R"({"model": "test:latest", )" + messages + "}"), 0);
  EXPECT_EQ(status(ollama, "/api/chat", R"({"model": "llama3", )" + messages + "}"), 404);
}

TEST_F(Names, PeopleBehindOneProgramAreToldApartAndShareItsPart) {
  ASSERT_EQ(complete(""), "runs");
  ASSERT_EQ(complete(R"(, "user": "anna")"), "runs");
  ASSERT_EQ(complete(R"(, "user": "bert")"), "runs");
  ASSERT_EQ(complete(R"(, "user": "bert")"), "runs");
  EXPECT_EQ(room_.request(0).user, engine_identity(UserId{}).user);
  EXPECT_EQ(room_.request(0).weight, 1.0);
  EXPECT_NE(room_.request(1).user, room_.request(0).user);
  EXPECT_NE(room_.request(1).cache_salt, room_.request(0).cache_salt);
  EXPECT_NE(room_.request(2).user, room_.request(1).user);
  EXPECT_EQ(room_.request(3).user, room_.request(2).user);
  EXPECT_EQ(room_.request(3).cache_salt, room_.request(2).cache_salt);
  EXPECT_DOUBLE_EQ(room_.request(3).weight, 1.0 / 3.0);
}

}  // namespace
}  // namespace hearth::server

#include "server/api/embeddings_api.h"

#include <gtest/gtest.h>

#include "server/api/classify_api.h"
#include "server/api/completions_api.h"
#include "server/api/openai_chat.h"
#include "server/api/text_api.h"
#include "tests/server/api/support/api_room.h"

namespace hearth::server {
namespace {

using testing::ApiRoom;

TEST(Embeddings, InputIsTextsOrIds) {
  EXPECT_EQ(parse_embedding(R"({"input": "a"})")->spec.prompts.size(), 1U);
  EXPECT_EQ(parse_embedding(R"({"input": ["a", "b"]})")->spec.prompts.size(), 2U);
  EXPECT_EQ(parse_embedding(R"({"input": [1, 2, 3]})")->spec.prompts.size(), 1U);
  EXPECT_EQ(parse_embedding(R"({"input": [[1, 2], [3]]})")->spec.prompts.size(), 2U);
  const auto wanted = parse_embedding(
      R"({"input": "a", "encoding_format": "base64", "dimensions": 7, "user": "x"})");
  ASSERT_TRUE(wanted);
  EXPECT_TRUE(wanted->is_base64);
  EXPECT_EQ(wanted->dimensions, 7);
}

TEST(Embeddings, BoundsAreNamed) {
  const auto param = [](const std::string& body) { return parse_embedding(body).error().param; };
  EXPECT_EQ(param("{}"), "input");
  EXPECT_EQ(param(R"({"input": []})"), "input");
  EXPECT_EQ(param(R"({"input": ["a", ""]})"), "input[1]");
  EXPECT_EQ(param(R"({"input": ["a", [1.5]]})"), "input[1]");
  EXPECT_EQ(param(R"({"input": "a", "dimensions": 0})"), "dimensions");
  EXPECT_EQ(param(R"({"input": "a", "encoding_format": "hex"})"), "encoding_format");
  nlohmann::json many = {{"input", std::vector<std::string>(256, "a")}};
  EXPECT_TRUE(parse_embedding(many.dump()));
  many["input"].push_back("a");
  EXPECT_EQ(param(many.dump()), "input");
}

TEST(Embeddings, AreCutAndOfLengthOne) {
  EXPECT_EQ(shape_embedding({3, 4, 12}, true, 2), (std::vector<float>{0.6F, 0.8F}));
  EXPECT_EQ(shape_embedding({3, 4, 12}, false, 2), (std::vector<float>{3, 4}));
  EXPECT_EQ(shape_embedding({0, 0}, true, std::nullopt), (std::vector<float>{0, 0}));
}

TEST(Embeddings, AskTheEngineForTheStateThatTheModelSays) {
  ApiRoom room;
  ModelInfo model = *testing::byte_model();
  model.embedding = {engine::RequestOutput::mean_state, true, 4, {}};
  room.service_.set_model(
      {"test", ModelState::ready, {}, 100.0, {}, {}, std::make_shared<const ModelInfo>(model)});
  const auto handler = embeddings_handler(room.generations_);
  const auto response = room.send(handler, "/v1/embeddings", R"({"input": "abc"})");
  EXPECT_FALSE(response->whole);
  EXPECT_EQ(room.request().output, engine::RequestOutput::mean_state);
  EXPECT_EQ(room.request().prompt_ids.size(), 3U);
  const auto refused = room.send(handler, "/v1/embeddings", R"({"input": "abc", "dimensions": 5})");
  EXPECT_EQ(refused->body()["error"]["param"], "dimensions");
}

TEST(Embeddings, ATextAsLongAsTheContextIsReadAndOneMoreIsNot) {
  ApiRoom room(20);
  const auto handler = embeddings_handler(room.generations_);
  EXPECT_FALSE(room.send(handler, "/v1/embeddings", R"({"input": "12345678901234567890"})")->whole);
  const auto refused =
      room.send(handler, "/v1/embeddings", R"({"input": "123456789012345678901"})");
  EXPECT_EQ(refused->body()["error"]["code"], "context_length_exceeded");
  EXPECT_EQ(refused->body()["error"]["n_prompt_tokens"], 21);
}

TEST(Abilities, WhatTheModelCannotDoIsNotSupported) {
  ApiRoom room;
  const auto code = [&](const Handler& handler, const std::string& path, const std::string& body) {
    const auto response = room.send(handler, path, body);
    if (!response->whole) return std::string("runs");
    return response->body()["error"]["code"].get<std::string>();
  };
  const std::string chat = R"({"messages": [{"role": "user", "content": "x"}]})";
  EXPECT_EQ(code(classify_handler(room.generations_), "/v1/classify", R"({"input": "a"})"),
            "not_supported");
  ModelInfo model = *testing::byte_model();
  model.chat_template = nullptr;
  const auto serve = [&] {
    room.service_.set_model(
        {"test", ModelState::ready, {}, 100.0, {}, {}, std::make_shared<const ModelInfo>(model)});
  };
  serve();
  EXPECT_EQ(code(chat_completions_handler(room.generations_), "/v1/chat/completions", chat),
            "not_supported");
  EXPECT_EQ(code(completions_handler(room.generations_), "/v1/completions", R"({"prompt": "a"})"),
            "runs");
  model.writes = false;
  model.classes = {2, {}, engine::ScoreKind::single_label};
  model.embedding.refusal = "No.";
  serve();
  EXPECT_EQ(code(completions_handler(room.generations_), "/v1/completions", R"({"prompt": "a"})"),
            "not_supported");
  EXPECT_EQ(code(embeddings_handler(room.generations_), "/v1/embeddings", R"({"input": "a"})"),
            "not_supported");
  EXPECT_EQ(code(classify_handler(room.generations_), "/v1/classify", R"({"input": "a"})"), "runs");
}

TEST(Classify, ProbabilitiesFollowTheKindOfClasses) {
  const std::vector<float> scores = {0.0F, 0.0F};
  EXPECT_EQ(class_probabilities(scores, engine::ScoreKind::single_label),
            (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(class_probabilities({0.0F, 50.0F}, engine::ScoreKind::multi_label)[0], 0.5);
  EXPECT_EQ(class_probabilities({1.5F}, engine::ScoreKind::regression)[0], 1.5);
  EXPECT_EQ(class_probabilities({1000.0F, 0.0F}, engine::ScoreKind::single_label)[0], 1.0);
}

}  // namespace
}  // namespace hearth::server

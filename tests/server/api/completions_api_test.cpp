// /v1/completions, /conversation/ and the text routes against a fake engine.
#include "server/api/completions_api.h"

#include <gtest/gtest.h>

#include "server/api/conversation_api.h"
#include "server/api/text_api.h"
#include "tests/server/api/support/api_room.h"

namespace hearth::server {
namespace {

using nlohmann::json;
using testing::HeldResponse;

class Completions : public ::testing::Test, protected testing::ApiRoom {
 protected:
  std::shared_ptr<HeldResponse> complete(const std::string& body) {
    return send(completions_handler(generations_), "/v1/completions", body);
  }
  std::shared_ptr<HeldResponse> converse(const std::string& body) {
    return send(conversation_handler(generations_), "/conversation/", body);
  }
  std::string param_of(const std::string& body) {
    const auto response = complete(body);
    return response->whole && response->whole->status == 400
               ? response->body()["error"]["param"].get<std::string>()
               : "none";
  }
};

TEST_F(Completions, ATextIsContinuedWithoutATemplate) {
  const auto response = complete(R"({"prompt": "Once", "max_tokens": 5})");
  EXPECT_EQ(testing::text_of(request().prompt_ids), "Once");
  write(" upon");
  finish(engine::FinishReason::length);
  const json body = response->body();
  EXPECT_EQ(body["object"], "text_completion");
  EXPECT_EQ(body["choices"][0]["text"], " upon");
  EXPECT_EQ(body["choices"][0]["finish_reason"], "length");
  EXPECT_TRUE(body["choices"][0]["logprobs"].is_null());
}

TEST_F(Completions, TheDefaultLengthIsOpenAIs) {
  complete(R"({"prompt": "x"})");
  EXPECT_EQ(request().max_tokens, 16);
}

TEST_F(Completions, PromptsComeAsTextsOrIdsOrListsOfThem) {
  complete(R"({"prompt": [72, 105]})");
  EXPECT_EQ(request().prompt_ids, (std::vector<TokenId>{72, 105}));
  const std::size_t before = engine_.order.size();
  const auto response = complete(R"({"prompt": ["a", "b"], "n": 2})");
  ASSERT_EQ(engine_.order.size(), before + 4);
  for (std::size_t i = 0; i < 4; ++i) {
    write(before + i, std::to_string(i));
    finish(before + i, engine::FinishReason::stop);
  }
  const json choices = response->body()["choices"];
  ASSERT_EQ(choices.size(), 4U);
  EXPECT_EQ(choices[3]["index"], 3);
  EXPECT_EQ(choices[3]["text"], "3");
  EXPECT_EQ(testing::text_of(request(before + 2).prompt_ids), "b");
  EXPECT_EQ(response->body()["usage"]["prompt_tokens"], 2);
  complete(R"({"prompt": [[72], [105, 106]]})");
  EXPECT_EQ(request().prompt_ids, (std::vector<TokenId>{105, 106}));
}

TEST_F(Completions, FourAreWithTheEngineAtOnceAndTheOthersFollow) {
  const auto response = complete(R"({"prompt": ["a", "b", "c", "d", "e", "f"]})");
  EXPECT_EQ(engine_.order.size(), 4U);
  EXPECT_EQ(service_.admission().live(), 1);
  for (std::size_t i = 0; i < 6; ++i) {
    write(i, "x");
    finish(i, engine::FinishReason::stop);
  }
  EXPECT_EQ(response->body()["choices"].size(), 6U);
  EXPECT_EQ(service_.admission().live(), 0);
}

TEST_F(Completions, EchoAndLogprobsTellOfEveryToken) {
  const auto response =
      complete(R"({"prompt": "ab", "echo": true, "logprobs": 0, "max_tokens": 3})");
  EXPECT_EQ(request().prompt_ids.size(), 1U);
  engine_.write(last(), "b");
  write("cd");
  finish(engine::FinishReason::stop);
  const json choice = response->body()["choices"][0];
  EXPECT_EQ(choice["text"], "abcd");
  EXPECT_EQ(choice["logprobs"]["tokens"], (json{"a", "b", "c", "d"}));
  EXPECT_EQ(choice["logprobs"]["text_offset"], (json{0, 1, 2, 3}));
  EXPECT_TRUE(choice["logprobs"]["token_logprobs"][0].is_null());
  EXPECT_EQ(choice["logprobs"]["token_logprobs"][1], -0.5);
  EXPECT_EQ(choice["prompt_logprobs"].size(), 2U);
}

TEST_F(Completions, APromptCanBeScoredWithoutAReply) {
  const auto response =
      complete(R"({"prompt": "ab", "echo": true, "logprobs": 1, "max_tokens": 0})");
  engine_.write(last(), "bX");
  finish(engine::FinishReason::length);
  const json body = response->body();
  EXPECT_EQ(body["choices"][0]["text"], "ab");
  EXPECT_EQ(body["choices"][0]["logprobs"]["tokens"].size(), 2U);
  EXPECT_EQ(body["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(body["usage"]["completion_tokens"], 0);
  EXPECT_EQ(param_of(R"({"prompt": "ab", "max_tokens": 0})"), "max_tokens");
}

TEST_F(Completions, AStreamJoinsToTheText) {
  const auto response =
      complete(R"({"prompt": "x", "stream": true, "stream_options": {"include_usage": true}})");
  write("He");
  write("y");
  finish(engine::FinishReason::stop);
  const std::vector<json> events = response->events();
  std::string text;
  for (const json& event : events) {
    if (event.is_object() && !event["choices"].empty()) text += event["choices"][0]["text"];
  }
  EXPECT_EQ(text, "Hey");
  EXPECT_EQ(events.back(), "[DONE]");
  EXPECT_EQ(events[events.size() - 2]["usage"]["prompt_tokens"], 1);
}

// R-14.
TEST_F(Completions, BoundsHoldBeforeAnySlotIsTaken) {
  const auto list = [](int n) {
    std::string prompts;
    for (int i = 0; i < n; ++i) prompts += (i ? ",\"x\"" : "\"x\"");
    return R"({"prompt": [)" + prompts + "]}";
  };
  EXPECT_EQ(param_of(list(17)), "prompt");
  EXPECT_EQ(param_of("{}"), "prompt");
  EXPECT_EQ(param_of(R"({"prompt": []})"), "prompt");
  EXPECT_EQ(param_of(R"({"prompt": ["x", 1]})"), "prompt[1]");
  EXPECT_EQ(param_of(R"({"prompt": [-1]})"), "prompt");
  EXPECT_EQ(param_of(R"({"prompt": [1.5]})"), "prompt");
  EXPECT_EQ(param_of(R"({"prompt": "x", "n": 5})"), "n");
  EXPECT_EQ(param_of(R"({"prompt": "x", "best_of": 2})"), "best_of");
  EXPECT_EQ(param_of(R"({"prompt": "x", "logprobs": 21})"), "logprobs");
  EXPECT_EQ(param_of(R"({"prompt": "x", "suffix": "y"})"), "suffix");
  EXPECT_EQ(param_of(R"({"prompt": ""})"), "prompt");
  EXPECT_TRUE(engine_.order.empty());
  complete(list(16));
  EXPECT_EQ(engine_.order.size(), 4U);
}

TEST_F(Completions, AnIdThatTheVocabularyLacksIsThePromptsFault) {
  const auto response = complete(R"({"prompt": [4000000]})");
  EXPECT_EQ(response->whole->status, 400);
  EXPECT_EQ(response->body()["error"]["param"], "prompt");
}

// MISSION S0.
TEST_F(Completions, AQueryGetsItsResponse) {
  const auto response = converse(R"({"query": "Who are you?"})");
  EXPECT_EQ(testing::text_of(request().prompt_ids), "user:Who are you?|>");
  EXPECT_FALSE(request().sampling.do_sample);
  write("I am.");
  finish(engine::FinishReason::stop);
  EXPECT_EQ(response->body(), (json{{"response", "I am."}}));
}

TEST_F(Completions, ExitAndQuitAreAnsweredPolitelyWithoutTheModel) {
  for (const char* const body : {R"({"query": "exit"})", R"({"query": "quit"})"}) {
    EXPECT_EQ(converse(body)->body(), (json{{"response", "Goodbye."}}));
  }
  EXPECT_TRUE(engine_.order.empty());
}

TEST_F(Completions, SettingsComeWithTheQuery) {
  converse(R"({"query": "x", "max_new_tokens": 7, "temperature": 0.5, "repetition_penalty": 1.1})");
  EXPECT_EQ(request().max_tokens, 7);
  EXPECT_TRUE(request().sampling.do_sample);
  EXPECT_EQ(converse(R"({"question": "x"})")->whole->status, 400);
}

TEST_F(Completions, TextsAndTokensGoBothWays) {
  const auto ids = send(tokenize_handler(generations_), "/tokenize",
                        R"({"prompt": "hé", "return_token_strs": true})");
  EXPECT_EQ(ids->body()["tokens"], (json{104, 0xc3, 0xa9}));
  EXPECT_EQ(ids->body()["count"], 3);
  EXPECT_EQ(ids->body()["max_model_len"], 1000);
  EXPECT_EQ(ids->body()["token_strs"][0], "h");
  const auto chat = send(tokenize_handler(generations_), "/tokenize",
                         R"({"messages": [{"role": "user", "content": "a"}]})");
  EXPECT_EQ(chat->body()["count"], 8);
  const auto text =
      send(detokenize_handler(generations_), "/detokenize", R"({"tokens": [104, 195, 169]})");
  EXPECT_EQ(text->body()["prompt"], "hé");
  const auto prompt = send(apply_template_handler(generations_), "/apply-template",
                           R"({"messages": [{"role": "user", "content": "a"}]})");
  EXPECT_EQ(prompt->body()["prompt"], "user:a|>");
  for (const char* const body : {"{}", R"({"tokens": 7})", R"({"tokens": [1.5]})", "[]"})
    EXPECT_EQ(send(detokenize_handler(generations_), "/detokenize", body)->whole->status, 400);
  EXPECT_EQ(service_.admission().live(), 0);
}

}  // namespace
}  // namespace hearth::server

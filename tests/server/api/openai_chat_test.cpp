// /v1/chat/completions against a fake engine, through a response that the test holds in its hands.
#include "server/api/openai_chat.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/sampling/token_constraint.h"
#include "server/api/health_api.h"
#include "server/api/models_api.h"
#include "tests/server/api/support/api_room.h"

namespace hearth::server {
namespace {

using nlohmann::json;
using testing::HeldResponse;

class OpenAiChat : public ::testing::Test, protected testing::ApiRoom {
 protected:
  std::shared_ptr<HeldResponse> ask(
      const std::string& fields = "",
      const std::string& messages = R"([{"role": "user", "content": "hi"}])") {
    return send(chat_completions_handler(generations_), "/v1/chat/completions",
                R"({"messages": )" + messages + (fields.empty() ? "" : ", " + fields) + "}");
  }
};

// MISSION S1's response, field by field.
TEST_F(OpenAiChat, AWholeReplyHasItsShape) {
  const auto response = ask();
  EXPECT_EQ(testing::text_of(request().prompt_ids), "user:hi|>");
  write("Hello");
  EXPECT_FALSE(response->whole);
  finish(engine::FinishReason::stop);
  const json body = response->body();
  EXPECT_EQ(response->whole->status, 200);
  EXPECT_EQ(body["id"], "chatcmpl-0123456789abcdef");
  EXPECT_EQ(body["object"], "chat.completion");
  EXPECT_EQ(body["model"], "test");
  EXPECT_EQ(body["system_fingerprint"], "fp");
  const json choice = {
      {"index", 0},
      {"message", {{"role", "assistant"}, {"content", "Hello"}, {"tool_calls", json::array()}}},
      {"logprobs", nullptr},
      {"finish_reason", "stop"},
      {"stop_reason", nullptr}};
  EXPECT_EQ(body["choices"], json::array({choice}));
  EXPECT_EQ(body["usage"]["prompt_tokens"], 9);
  EXPECT_EQ(body["usage"]["prompt_tokens_details"]["cached_tokens"], 3);
  EXPECT_TRUE(body["prompt_logprobs"].is_null());
}

TEST_F(OpenAiChat, LengthIsToldApart) {
  const auto response = ask(R"("max_tokens": 3)");
  EXPECT_EQ(request().max_tokens, 3);
  write("abc");
  finish(engine::FinishReason::length);
  EXPECT_EQ(response->body()["choices"][0]["finish_reason"], "length");
}

TEST_F(OpenAiChat, AStreamBeginsWithTheRoleAndEndsWithDone) {
  const auto response = ask(R"("stream": true)");
  EXPECT_EQ(response->head_of_stream->content_type, "text/event-stream; charset=utf-8");
  write("Hel");
  write("lo");
  finish(engine::FinishReason::stop);
  const std::vector<json> events = response->events();
  ASSERT_EQ(events.size(), 5U);
  EXPECT_EQ(events[0]["choices"][0]["delta"], (json{{"role", "assistant"}, {"content", ""}}));
  EXPECT_EQ(events[1]["choices"][0]["delta"], (json{{"content", "Hel"}}));
  EXPECT_EQ(events[2]["choices"][0]["delta"], (json{{"content", "lo"}}));
  EXPECT_EQ(events[3]["choices"][0]["delta"], json::object());
  EXPECT_EQ(events[3]["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(events[4], "[DONE]");
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(events[static_cast<std::size_t>(i)]["object"], "chat.completion.chunk");
    EXPECT_EQ(events[static_cast<std::size_t>(i)]["id"], events[0]["id"]);
    EXPECT_EQ(events[static_cast<std::size_t>(i)]["created"], events[0]["created"]);
    EXPECT_FALSE(events[static_cast<std::size_t>(i)].contains("usage"));
  }
  EXPECT_TRUE(response->is_over);
}

TEST_F(OpenAiChat, UsageIsAChunkOfItsOwnWhenAskedFor) {
  const auto response = ask(R"("stream": true, "stream_options": {"include_usage": true})");
  write("Hi");
  finish(engine::FinishReason::stop);
  const std::vector<json> events = response->events();
  const json& usage = events[events.size() - 2];
  EXPECT_EQ(usage["choices"], json::array());
  EXPECT_EQ(usage["usage"]["prompt_tokens"], 9);
}

TEST_F(OpenAiChat, AClientThatIsSlowGetsOneLargerChunkLater) {
  const auto response = ask(R"("stream": true)");
  response->is_slow = true;
  for (int i = 0; i < 100; ++i) write("x");
  EXPECT_EQ(response->num_writes, 0);
  response->is_slow = false;
  response->written();
  EXPECT_EQ(response->num_writes, 1);
  EXPECT_EQ(response->events()[1]["choices"][0]["delta"]["content"], std::string(100, 'x'));
}

TEST_F(OpenAiChat, HalfACharacterWaitsForItsOtherHalf) {
  const auto response = ask(R"("stream": true)");
  write("\xe4\xbd");
  EXPECT_EQ(response->events().size(), 1U);
  write("\xa0");
  EXPECT_EQ(response->events()[1]["choices"][0]["delta"]["content"], "你");
}

TEST_F(OpenAiChat, AStopStringEndsTheReplyBeforeIt) {
  const auto response = ask(R"("stop": "END")");
  write("before EN");
  write("D after");
  EXPECT_TRUE(is_cancelled());
  const json body = response->body();
  EXPECT_EQ(body["choices"][0]["message"]["content"], "before ");
  EXPECT_EQ(body["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(body["usage"]["completion_tokens"], 10);  // up to the D
}

TEST_F(OpenAiChat, LogprobsAreOneEntryForEachToken) {
  const auto response = ask(R"("logprobs": true)");
  write("a\xc3\xa9");
  finish(engine::FinishReason::stop);
  const json content = response->body()["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(content.size(), 3U);
  EXPECT_EQ(
      content[0],
      (json{{"token", "a"}, {"logprob", -0.5}, {"bytes", {97}}, {"top_logprobs", json::array()}}));
  EXPECT_EQ(content[1]["bytes"], json::array());
  EXPECT_EQ(content[2]["token"], "é");
  EXPECT_EQ(content[2]["bytes"], (json{0xc3, 0xa9}));
}

TEST_F(OpenAiChat, AClientThatGoesAwayCancelsAndFreesItsPlace) {
  for (const char* const fields : {R"("stream": true)", ""}) {
    const auto response = ask(fields);
    write("some");
    EXPECT_EQ(service_.admission().live(), 1);
    response->hang_up();
    EXPECT_TRUE(is_cancelled());
    EXPECT_EQ(service_.admission().live(), 0);
    EXPECT_EQ(generations_.live(), 0U);
    finish(engine::FinishReason::cancelled);  // and nothing more is said
    EXPECT_FALSE(response->is_over);
  }
}

TEST_F(OpenAiChat, AClientThatGoesAwayBeforeItsPromptIsBuiltCostsNothing) {
  auto request = std::make_shared<HttpRequest>();
  request->path = "/v1/chat/completions";
  request->user = User{};
  request->body = R"({"messages": [{"role": "user", "content": "hi"}]})";
  const auto response = std::make_shared<HeldResponse>();
  chat_completions_handler(generations_)(request, response);
  response->hang_up();
  while (text_.work()) {
  }
  EXPECT_TRUE(engine_.order.empty());
  EXPECT_EQ(service_.admission().live(), 0);
}

TEST_F(OpenAiChat, AFailureSaysNothingOfTheInside) {
  const auto response = ask();
  finish(engine::FinishReason::failed);
  EXPECT_EQ(response->whole->status, 500);
  EXPECT_EQ(response->body()["error"]["code"], "engine_failed");
  EXPECT_EQ(response->whole->body.find("0x"), std::string::npos);
  EXPECT_EQ(response->whole->body.find("/home"), std::string::npos);
}

TEST_F(OpenAiChat, AStreamThatFailsEndsWithAnErrorAndNoDone) {
  const auto response = ask(R"("stream": true)");
  write("so far");
  finish(engine::FinishReason::failed);
  EXPECT_EQ(response->events().back()["error"]["code"], "engine_failed");
  EXPECT_TRUE(response->is_over);
}

TEST_F(OpenAiChat, WhenTheServerGoesEveryReplyIsToldSo) {
  const auto whole = ask();
  const auto stream = ask(R"("stream": true)");
  write("so far");
  generations_.end_all();
  EXPECT_TRUE(is_cancelled());
  EXPECT_EQ(whole->whole->status, 503);
  EXPECT_EQ(stream->events().back()["error"]["code"], "shutting_down");
  EXPECT_EQ(service_.admission().live(), 0);
}

TEST_F(OpenAiChat, APromptThatIsTooLongIsRefusedWithItsNumbers) {
  const auto response =
      ask("", R"([{"role": "user", "content": ")" + std::string(2000, 'x') + R"("}])");
  EXPECT_EQ(response->whole->status, 400);
  const json error = response->body()["error"];
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_EQ(error["param"], "messages");
  EXPECT_GT(error["n_prompt_tokens"], 2000);
  EXPECT_EQ(error["n_ctx"], 1000);
  EXPECT_EQ(service_.admission().live(), 0);
}

TEST_F(OpenAiChat, ALongHistoryIsRefusedNotSilentlyCut) {
  const std::string half(600, 'x');
  const auto response =
      ask("", R"([{"role": "user", "content": ")" + half +
                  R"("}, {"role": "assistant", "content": "y"}, {"role": "user", "content": ")" +
                  half + R"("}])");
  EXPECT_EQ(response->whole->status, 400);
  EXPECT_EQ(response->body()["error"]["code"], "context_length_exceeded");
  EXPECT_TRUE(engine_.order.empty());
}

TEST_F(OpenAiChat, ATemplateThatRefusesIsTheRequestsFault) {
  const auto response = ask("", R"([{"role": "user", "content": "REFUSE"}])");
  EXPECT_EQ(response->whole->status, 400);
  EXPECT_EQ(response->body()["error"]["code"], "template_raised");
}

TEST_F(OpenAiChat, TooManyAtOnceAreTold429) {
  std::vector<std::shared_ptr<HeldResponse>> running;
  for (int i = 0; i < 6; ++i) running.push_back(ask());
  const auto one_more = ask();
  EXPECT_EQ(one_more->whole->status, 429);
  EXPECT_EQ(one_more->body()["error"]["code"], "busy");
  EXPECT_EQ(one_more->body()["error"]["type"], "rate_limit_error");
  const auto& headers = one_more->whole->headers;
  EXPECT_TRUE(std::any_of(headers.begin(), headers.end(),
                          [](const HttpHeader& h) { return h.name == "retry-after"; }));
}

TEST_F(OpenAiChat, BeforeTheModelIsReadyItSays503) {
  service_.set_model({"test", ModelState::loading, "weights", 40.0, 2500, {}, nullptr});
  const auto response = ask();
  EXPECT_EQ(response->whole->status, 503);
  EXPECT_EQ(response->body()["error"]["code"], "model_loading");
}

TEST_F(OpenAiChat, AnyModelNameMeansTheOneThatIsServed) {
  ask(R"("model": "gpt-4o")");
  EXPECT_EQ(engine_.order.size(), 1U);
}

TEST_F(OpenAiChat, ASeedIsKeptAndDrawnOtherwise) {
  ask(R"("seed": 77)");
  EXPECT_EQ(request().seed, 77U);
  ask();
  EXPECT_NE(request().seed, 77U);
}

TEST_F(OpenAiChat, SeveralRepliesAreChoicesOfOneAnswer) {
  const auto response = ask(R"("n": 3, "seed": 10)");
  ASSERT_EQ(engine_.order.size(), 3U);
  EXPECT_EQ(service_.admission().live(), 1);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(request(i).seed, 10 + i);
  for (std::size_t i = 3; i-- > 0;) {
    write(i, std::string(i + 1, 'x'));
    EXPECT_FALSE(response->whole);
    finish(i, engine::FinishReason::stop);
  }
  const json choices = response->body()["choices"];
  ASSERT_EQ(choices.size(), 3U);
  EXPECT_EQ(choices[2]["index"], 2);
  EXPECT_EQ(choices[2]["message"]["content"], "xxx");
  EXPECT_EQ(response->body()["usage"]["prompt_tokens"], 9);
}

TEST_F(OpenAiChat, SeveralRepliesStreamSideBySide) {
  const auto response = ask(R"("n": 2, "stream": true)");
  write(0, "a");
  write(1, "b");
  finish(0, engine::FinishReason::stop);
  write(1, "c");
  finish(1, engine::FinishReason::length);
  std::array<std::string, 2> texts;
  std::array<std::string, 2> reasons;
  for (const json& event : response->events()) {
    if (!event.is_object()) continue;
    const json& choice = event["choices"][0];
    const auto index = choice["index"].get<std::size_t>();
    texts[index] += choice["delta"].value("content", "");
    if (choice["finish_reason"].is_string()) reasons[index] = choice["finish_reason"];
  }
  EXPECT_EQ(texts[0], "a");
  EXPECT_EQ(texts[1], "bc");
  EXPECT_EQ(reasons[0], "stop");
  EXPECT_EQ(reasons[1], "length");
  EXPECT_EQ(response->events().back(), "[DONE]");
}

TEST_F(OpenAiChat, AReplyEndsWithWhatItHasAfterTenMinutesOfWriting) {
  const auto response = ask(R"("n": 2)");
  const auto pass = [&](Milliseconds time) {
    clock_.advance(time);
    generations_.on_tick();
  };
  write(0, "early");
  pass(Milliseconds(0));
  pass(std::chrono::minutes(5));
  write(1, "late");
  pass(Milliseconds(0));
  pass(std::chrono::minutes(5) - Milliseconds(1));
  EXPECT_FALSE(engine_.requests.at(engine_.order[0]).is_cancelled);
  pass(Milliseconds(1));
  EXPECT_TRUE(engine_.requests.at(engine_.order[0]).is_cancelled);
  EXPECT_FALSE(engine_.requests.at(engine_.order[1]).is_cancelled);
  pass(std::chrono::minutes(5));
  const json choices = response->body()["choices"];
  ASSERT_EQ(choices.size(), 2U);
  EXPECT_EQ(choices[0]["finish_reason"], "length");
  EXPECT_EQ(choices[0]["message"]["content"], "early");
  EXPECT_EQ(choices[1]["message"]["content"], "late");
  EXPECT_EQ(generations_.live(), 0U);
}

TEST_F(OpenAiChat, OneThatFailsEndsTheOthers) {
  const auto response = ask(R"("n": 2)");
  finish(0, engine::FinishReason::failed);
  EXPECT_EQ(response->whole->status, 500);
  EXPECT_TRUE(is_cancelled());
  EXPECT_EQ(generations_.live(), 0U);
}

TEST_F(OpenAiChat, WhatEndedAReplyIsTold) {
  const auto text = ask(R"("stop": ["END"])");
  write("x END");
  EXPECT_EQ(text->body()["choices"][0]["stop_reason"], "END");
  const auto token = ask(R"("stop_token_ids": [46])");
  EXPECT_EQ(request().stop_ids, (std::vector<TokenId>{testing::kEndToken, 46}));
  engine_.write(last(), "yes.");
  finish(engine::FinishReason::stop);
  EXPECT_EQ(token->body()["choices"][0]["stop_reason"], 46);
  EXPECT_EQ(token->body()["choices"][0]["message"]["content"], "yes");
  const auto end = ask();
  write("x");
  finish(engine::FinishReason::stop);
  EXPECT_TRUE(end->body()["choices"][0]["stop_reason"].is_null());
}

TEST_F(OpenAiChat, WithoutEndTokensOnlyTheRequestsOwnEndIt) {
  ask(R"("ignore_eos": true, "stop_token_ids": [46])");
  EXPECT_EQ(request().stop_ids, std::vector<TokenId>{46});
}

TEST_F(OpenAiChat, ThePromptsOwnTokensAreScoredInItsPlace) {
  const auto response = ask(R"("prompt_logprobs": 0, "max_tokens": 4)");
  EXPECT_EQ(request().prompt_ids.size(), 1U);
  EXPECT_EQ(testing::text_of(request().forced_ids), "ser:hi|>");
  EXPECT_EQ(request().max_tokens, 12);
  engine_.write(last(), "ser:hi|>");
  write("Yo");
  engine_.finish(last(), engine::FinishReason::stop);
  step(0);
  const json body = response->body();
  EXPECT_EQ(body["choices"][0]["message"]["content"], "Yo");
  ASSERT_EQ(body["prompt_logprobs"].size(), 9U);
  EXPECT_TRUE(body["prompt_logprobs"][0].is_null());
  EXPECT_EQ(body["prompt_logprobs"][1]["115"]["decoded_token"], "s");
  EXPECT_EQ(body["prompt_logprobs"][1]["115"]["logprob"], -0.5);
  EXPECT_EQ(body["usage"]["prompt_tokens"], 9);
}

TEST_F(OpenAiChat, ASilentStreamGetsASignOfLife) {
  const auto response = ask(R"("stream": true)");
  const std::size_t before = response->stream.size();
  clock_.advance(Milliseconds(14'999));
  generations_.on_tick();
  EXPECT_EQ(response->stream.size(), before);
  clock_.advance(Milliseconds(1));
  generations_.on_tick();
  EXPECT_EQ(response->stream.substr(before), ": keep-alive\n\n");
  clock_.advance(Milliseconds(14'000));
  write("x");
  clock_.advance(Milliseconds(14'000));
  const std::size_t after = response->stream.size();
  generations_.on_tick();
  EXPECT_EQ(response->stream.size(), after);
}

TEST_F(OpenAiChat, AWishForJsonReachesTheEngineAsAConstraint) {
  ask(R"("response_format": {"type": "json_object"})");
  EXPECT_TRUE(request().constraint);
  ask(R"("response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "integer"}}})");
  ASSERT_TRUE(request().constraint);
  std::vector<float> scores(257, 1.0F);
  request().constraint->mask(scores);
  EXPECT_EQ(std::count(scores.begin(), scores.end(), 1.0F), 11);  // '-' and ten digits
  ask();
  EXPECT_FALSE(request().constraint);
}

TEST_F(OpenAiChat, ASchemaThatCannotBeKeptIsRefusedBeforeAnySlotIsTaken) {
  const auto response = ask(
      R"("response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "string", "pattern": "a+"}}})");
  EXPECT_EQ(response->whole->status, 400);
  EXPECT_EQ(response->body()["error"]["param"], "response_format");
  EXPECT_TRUE(engine_.order.empty());
  EXPECT_EQ(service_.admission().live(), 0);
}

TEST_F(OpenAiChat, ToolsThatTheTemplateDoesNotPrintAreRefused) {
  const auto response = ask(
      R"("tools": [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}])");
  EXPECT_EQ(response->whole->status, 400);
  EXPECT_EQ(response->body()["error"]["param"], "tools");
}

TEST_F(OpenAiChat, TheQueueIsToldToWhoIsRefused) {
  for (int i = 0; i < 6; ++i) ask();
  const auto response = ask();
  EXPECT_NE(response->body()["error"]["message"].get<std::string>().find("6 are running"),
            std::string::npos);
}

TEST_F(OpenAiChat, ModelsTellTheirContext) {
  const auto list = std::make_shared<HeldResponse>();
  model_list_handler(service_)(std::make_shared<HttpRequest>(), list);
  const json model = list->body()["data"][0];
  EXPECT_EQ(model["id"], "test");
  EXPECT_EQ(model["object"], "model");
  EXPECT_EQ(model["context_length"], 1000);
  auto request = std::make_shared<HttpRequest>();
  request->path = "/v1/models/other";
  request->tail = "other";
  const auto other = std::make_shared<HeldResponse>();
  model_handler(service_)(request, other);
  EXPECT_EQ(other->whole->status, 404);
  EXPECT_EQ(other->body()["error"]["code"], "model_not_found");
}

TEST_F(OpenAiChat, ReadyzFollowsTheModel) {
  bool is_draining = false;
  const auto ready = [&] {
    const auto response = std::make_shared<HeldResponse>();
    ready_handler(service_, [&] { return is_draining; })(std::make_shared<HttpRequest>(), response);
    return response;
  };
  EXPECT_EQ(ready()->whole->status, 200);
  is_draining = true;
  EXPECT_EQ(ready()->body()["code"], "shutting_down");
  is_draining = false;
  service_.set_model({"test", ModelState::loading, "weights", 41.5, {}, {}, nullptr});
  EXPECT_EQ(ready()->whole->status, 503);
  EXPECT_EQ(ready()->body()["code"], "model_loading");
  EXPECT_EQ(ready()->body()["model"]["percent"], 41.5);
  service_.set_model({"test", ModelState::failed, {}, 0.0, {}, "It is broken.", nullptr});
  EXPECT_EQ(ready()->body()["code"], "model_failed");
}

}  // namespace
}  // namespace hearth::server

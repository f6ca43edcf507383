// /v1/chat/completions against a fake engine, through a response that the test holds in its hands.
#include "server/api/openai_chat.h"

#include <array>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/api/health_api.h"
#include "server/api/models_api.h"
#include "server/session/chat_service.h"
#include "tests/server/session/support/fake_text.h"
#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using nlohmann::json;
using testing::byte_model;
using testing::FakeClock;
using testing::FakeEngine;
using testing::FakeText;

class HeldResponse final : public ResponseWriter {
 public:
  void send(HttpResponse response) override {
    whole = std::move(response);
    finish();
  }
  void begin(HttpResponse head) override {
    stream += head.body;
    head_of_stream = std::move(head);
  }
  void write(std::string chunk) override {
    if (!chunk.empty()) ++num_writes;
    stream += chunk;
  }
  void end() override { finish(); }
  bool is_writing() const override { return is_slow; }
  void on_written(std::function<void()> callback) override { written = std::move(callback); }
  void on_gone(std::function<void()> callback) override { gone = std::move(callback); }

  void finish() {
    is_over = true;
    written = nullptr;
    gone = nullptr;
  }
  void hang_up() {
    written = nullptr;
    std::exchange(gone, nullptr)();
  }
  json body() const { return json::parse(whole->body); }
  // The objects of the stream, "[DONE]" as a string.
  std::vector<json> events() const {
    std::vector<json> out;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t end = stream.find("\n\n", at);
      const std::string data = stream.substr(at + 6, end - at - 6);
      EXPECT_EQ(stream.substr(at, 6), "data: ");
      out.push_back(data == "[DONE]" ? json(data) : json::parse(data));
      at = end + 2;
    }
    return out;
  }

  std::optional<HttpResponse> whole;
  std::optional<HttpResponse> head_of_stream;
  std::string stream;
  int num_writes = 0;
  bool is_over = false;
  bool is_slow = false;
  std::function<void()> written;
  std::function<void()> gone;
};

class OpenAiChat : public ::testing::Test {
 protected:
  OpenAiChat()
      : store_([this](std::function<void()> job) { posted_.push_back(std::move(job)); }),
        service_({engine_,
                  text_,
                  store_,
                  clock_.clock(),
                  testing::counting_random(),
                  [this] { return ++last_request_; },
                  {}},
                 Limits{}, {"test", true}),
        generations_({service_, engine_, text_, testing::counting_random(),
                      [this] { return ++last_request_; }, 4096}) {
    service_.set_model({"test", ModelState::ready, {}, 100.0, {}, {}, byte_model()});
  }

  // A transport always ends: by an answer, or by telling that the client is gone.
  ~OpenAiChat() override {
    for (const auto& response : responses_) response->finish();
  }

  std::shared_ptr<HeldResponse> ask(
      const std::string& fields = "",
      const std::string& messages = R"([{"role": "user", "content": "hi"}])") {
    auto request = std::make_shared<HttpRequest>();
    request->method = "POST";
    request->path = "/v1/chat/completions";
    request->id = "0123456789abcdef";
    request->user = User{};
    request->body = R"({"messages": )" + messages + (fields.empty() ? "" : ", " + fields) + "}";
    auto response = std::make_shared<HeldResponse>();
    responses_.push_back(response);
    chat_completions_handler(generations_)(request, response);
    while (text_.work()) {
    }
    return response;
  }
  engine::RequestId last() const { return engine_.order.back(); }
  const engine::GenerationRequest& request() const { return engine_.requests.at(last()).request; }
  void write(std::string_view text) {
    engine_.write(last(), text);
    step();
  }
  void finish(engine::FinishReason reason) {
    engine_.finish(last(), reason);
    step();
  }
  void step() {
    const std::array ids = {last()};
    generations_.engine_progressed(ids);
  }
  bool is_cancelled() const { return engine_.requests.at(last()).is_cancelled; }

  std::vector<std::shared_ptr<HeldResponse>> responses_;
  FakeClock clock_;
  FakeEngine engine_;
  FakeText text_;
  std::vector<std::function<void()>> posted_;
  MemoryStore store_;
  engine::RequestId last_request_ = 0;
  ChatService service_;
  Generations generations_;
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

// A service with a fake engine, and responses that the test holds in its hands: what the tests of
// server/api play in.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/api/generation.h"
#include "server/api/http.h"
#include "server/session/chat_service.h"
#include "tests/server/session/support/fake_text.h"
#include "tests/server/session/support/room.h"

namespace hearth::server::testing {

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
  nlohmann::json body() const { return nlohmann::json::parse(whole->body); }
  // The objects of the stream, "[DONE]" as a string.
  std::vector<nlohmann::json> events() const {
    std::vector<nlohmann::json> out;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t end = stream.find("\n\n", at);
      const std::string data = stream.substr(at + 6, end - at - 6);
      EXPECT_EQ(stream.substr(at, 6), "data: ");
      out.push_back(data == "[DONE]" ? nlohmann::json(data) : nlohmann::json::parse(data));
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

class ApiRoom {
 public:
  explicit ApiRoom(std::int64_t context_length = 1000)
      : store_([this](std::function<void()> job) { posted_.push_back(std::move(job)); }),
        service_({engine_,
                  text_,
                  store_,
                  clock_.clock(),
                  counting_random(),
                  [this] { return ++last_request_; },
                  {}},
                 Limits{}, {"test", true}),
        generations_({service_,
                      engine_,
                      text_,
                      counting_random(),
                      [this] { return ++last_request_; },
                      4096,
                      {},
                      clock_.clock(),
                      Milliseconds(15'000)}) {
    service_.set_model({"test", ModelState::ready, {}, 100.0, {}, {}, byte_model(context_length)});
  }

  // A transport always ends: by an answer, or by telling that the client is gone.
  ~ApiRoom() {
    for (const auto& response : responses_) response->finish();
  }

  std::shared_ptr<HeldResponse> send(const Handler& handler, const std::string& path,
                                     const std::string& body) {
    auto request = std::make_shared<HttpRequest>();
    request->method = "POST";
    request->path = path;
    request->id = "0123456789abcdef";
    request->user = User{};
    request->body = body;
    auto response = std::make_shared<HeldResponse>();
    responses_.push_back(response);
    handler(request, response);
    while (text_.work()) {
    }
    return response;
  }

  engine::RequestId last() const { return engine_.order.back(); }
  const engine::GenerationRequest& request() const { return engine_.requests.at(last()).request; }
  const engine::GenerationRequest& request(std::size_t index) const {
    return engine_.requests.at(engine_.order.at(index)).request;
  }
  void write(std::string_view text) { write(engine_.order.size() - 1, text); }
  void write(std::size_t index, std::string_view text) {
    engine_.write(engine_.order.at(index), text);
    step(index);
  }
  void finish(engine::FinishReason reason) { finish(engine_.order.size() - 1, reason); }
  void finish(std::size_t index, engine::FinishReason reason) {
    engine_.finish(engine_.order.at(index), reason);
    step(index);
  }
  void step(std::size_t index) {
    const std::array ids = {engine_.order.at(index)};
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

}  // namespace hearth::server::testing

// A whole service without sockets, threads, disk or model: what the tests of server/session play
// in.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/session/chat_service.h"
#include "server/store/memory_store.h"
#include "tests/server/session/support/fake_text.h"

namespace hearth::server::testing {

using json = nlohmann::json;

struct FakeClock {
  Instant now{std::chrono::hours(1000)};
  std::int64_t unix_ms = 1'765'432'100'000;

  void advance(Milliseconds duration) {
    now += duration;
    unix_ms += duration.count();
  }
  Clock clock() {
    return {[this] { return now; }, [this] { return unix_ms; }};
  }
};

// Distinct bytes for ever, the same in each run; copies go on with the same row of numbers.
inline RandomBytes counting_random() {
  return [counter = std::make_shared<std::uint64_t>(0)](std::span<std::uint8_t> out) {
    for (std::uint8_t& byte : out) {
      *counter = *counter * 6364136223846793005U + 1442695040888963407U;
      byte = static_cast<std::uint8_t>(*counter >> 56U);
    }
  };
}

class FakeEngine final : public EnginePort {
 public:
  struct Running {
    engine::GenerationRequest request;
    std::shared_ptr<engine::TokenStream> stream;
    bool is_cancelled = false;
  };

  std::shared_ptr<const engine::TokenStream> submit(engine::GenerationRequest request) override {
    auto stream = std::make_shared<engine::TokenStream>(request);
    const engine::RequestId id = request.id;
    order.push_back(id);
    requests[id] = {std::move(request), stream, false};
    return stream;
  }
  void cancel(engine::RequestId id) override {
    if (requests.contains(id)) requests.at(id).is_cancelled = true;
  }
  void answer(engine::RequestId id) override { answered.push_back(id); }

  void write(engine::RequestId id, std::string_view bytes) {
    engine::TokenStream& stream = *requests.at(id).stream;
    stream.set_queue_position(-1);
    for (const char c : bytes)
      stream.append({.id = static_cast<unsigned char>(c), .logprob = -0.5F, .u = 0.0F, .rank = 0},
                    {});
  }
  void finish(engine::RequestId id, engine::FinishReason reason) {
    engine::FinishedEvent event;
    event.reason = reason;
    event.cached_tokens = 3;
    event.prefill_ms = prefill_ms;
    event.decode_ms = 7.5;
    if (reason == engine::FinishReason::failed) event.error = "secret at 0xdeadbeef in /home/x";
    requests.at(id).stream->finish(event);
  }

  std::map<engine::RequestId, Running> requests;
  std::vector<engine::RequestId> order;
  std::vector<engine::RequestId> answered;
  double prefill_ms = 0.0;
};

// The memory store, and a disk that can fail.
class FaultyStore final : public MemoryStore {
 public:
  explicit FaultyStore(Post post) : MemoryStore(post), post_(std::move(post)) {}

  void begin_turn(NewTurn turn, Done<void> done) override {
    ++num_begun;
    if (!is_broken) return MemoryStore::begin_turn(std::move(turn), std::move(done));
    refuse(std::move(done));
  }
  void finish_reply(UserId owner, MessageId reply, ReplyEnd end, Done<void> done) override {
    ++num_finishes;
    if (!is_broken) return MemoryStore::finish_reply(owner, reply, std::move(end), std::move(done));
    refuse(std::move(done));
  }
  void checkpoint(UserId owner, MessageId reply, ReplySoFar so_far) override {
    checkpoints.push_back(so_far.text);
    MemoryStore::checkpoint(owner, reply, std::move(so_far));
  }

  bool is_broken = false;
  int num_begun = 0;
  int num_finishes = 0;
  std::vector<std::string> checkpoints;

 private:
  void refuse(Done<void> done) {
    post_([done = std::move(done)] {
      done(fail(ErrorCode::storage_unavailable, "The disk is full."));
    });
  }
  Post post_;
};

class Room;

// One browser tab.
class Tab {
 public:
  Tab(Room& room, std::optional<User> user);

  void send(const json& message) { connection->on_text(message.dump()); }
  void send_raw(std::string_view frame) { connection->on_text(frame); }
  std::vector<json> receive();  // everything there is to take; `room` goes into `rooms`
  json receive_only();          // exactly one event
  std::vector<json> receive_all(std::string_view type);
  void close() { connection->on_closed(); }
  std::optional<int> close_code() const {
    return connection->wants_close() ? std::optional<int>(connection->wants_close()->code)
                                     : std::nullopt;
  }

  std::shared_ptr<Connection> connection;
  int wakes = 0;
  std::vector<json> rooms;
};

class Room {
 public:
  explicit Room(Limits limits = {})
      : store([this](std::function<void()> task) { tasks.push_back(std::move(task)); }) {
    service = std::make_unique<ChatService>(
        ServicePorts{engine, text, store, time.clock(), counting_random(),
                     [this] { return ++last_request; },
                     [this](const std::string& line) { log.push_back(line); }},
        limits, ServerInfo{"0.1.0", true});
    service->set_model({.id = "test", .state = ModelState::ready, .info = byte_model()});
  }

  // Lets stores and text worker do what they have.
  void settle() {
    while (true) {
      if (!tasks.empty()) {
        auto task = std::move(tasks.front());
        tasks.pop_front();
        task();
      } else if (!text.work()) {
        return;
      }
    }
  }
  void tick(Milliseconds duration = Milliseconds(20)) {
    time.advance(duration);
    service->on_tick();
    settle();
  }

  User new_user(const std::string& name = "") {
    std::optional<User> user;
    service->open_session({.name = name},
                          [&](const Result<SessionGrant>& grant) { user = grant->user; });
    settle();
    return *user;
  }
  // Connected, greeted, `ready` taken.
  std::unique_ptr<Tab> enter(const User& user) {
    auto tab = std::make_unique<Tab>(*this, user);
    tab->send({{"type", "hello"}});
    settle();
    tab->receive();
    return tab;
  }
  std::unique_ptr<Tab> enter() { return enter(new_user()); }

  // chat.create up to `accepted`, which is returned.
  json ask(Tab& tab, const std::string& content, json more = json::object()) {
    json message = {{"type", "chat.create"},
                    {"id", "c" + std::to_string(++last_client_id)},
                    {"content", content}};
    message.update(more);
    tab.send(message);
    settle();
    const auto accepted = tab.receive_all("accepted");
    return accepted.empty() ? json() : accepted.front();
  }

  // The engine's request of the reply that was submitted last.
  engine::RequestId last() const { return engine.order.back(); }
  void write(engine::RequestId id, std::string_view bytes) {
    engine.write(id, bytes);
    progressed(id);
  }
  void finish(engine::RequestId id, engine::FinishReason reason = engine::FinishReason::stop) {
    engine.finish(id, reason);
    progressed(id);
    settle();
  }
  void progressed(engine::RequestId id) { service->engine_progressed(std::vector{id}); }

  FakeClock time;
  FakeEngine engine;
  FakeText text;
  std::deque<std::function<void()>> tasks;
  FaultyStore store;
  std::vector<std::string> log;
  engine::RequestId last_request = 0;
  int last_client_id = 0;
  std::unique_ptr<ChatService> service;
};

inline Tab::Tab(Room& room, std::optional<User> user)
    : connection(room.service->connect({std::move(user), [this] { ++wakes; }})) {}

inline std::vector<json> Tab::receive() {
  std::vector<json> events;
  while (auto frame = connection->take_frame()) {
    json event = json::parse(*frame);
    (event["type"] == "room" ? rooms : events).push_back(std::move(event));
  }
  return events;
}

inline json Tab::receive_only() {
  auto events = receive();
  return events.size() == 1 ? events.front() : json(events);
}

inline std::vector<json> Tab::receive_all(std::string_view type) {
  auto events = receive();
  std::erase_if(events, [&](const json& event) { return event["type"] != type; });
  return events;
}

}  // namespace hearth::server::testing

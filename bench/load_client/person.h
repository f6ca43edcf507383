// One socket of one person: a client of hearth.chat.v1 that notes when everything came.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "bench/load_client/asio.h"
#include "bench/load_client/measure.h"

namespace hearth::bench {

// Where the server is.
struct Target {
  std::string host = "127.0.0.1";
  std::string port = "8080";
  std::string join_code;
  std::chrono::seconds timeout{300};  // of one reply

  std::string origin() const { return "http://" + host + ":" + port; }
};

// http://HOST:PORT. Throws std::invalid_argument.
Target parse_target(const std::string& url);

// A new person's cookie. Throws when the server refuses.
awaitable<std::string> new_identity(const Target& target);

struct Message {
  std::string content;
  std::optional<std::string> system;
  std::int64_t reply_tokens = 64;
  std::string conversation;  // empty: a new one
};

using Clock = std::chrono::steady_clock;

// Owned by a shared_ptr that its reading coroutine shares. One thread.
class Person : public std::enable_shared_from_this<Person> {
 public:
  Person(asio::io_context& context, Target target, std::string cookie);

  // Connects and says hello. Throws when that fails.
  awaitable<void> join();

  // Sends it now and waits for the end of the reply. Any number at a time. Times are since `zero`.
  awaitable<TurnRecord> say(Message message, Clock::time_point zero, Clock::time_point intended);

  void leave();

 private:
  struct Turn;

  static awaitable<void> read(std::shared_ptr<Person> self);
  static awaitable<void> write(std::shared_ptr<Person> self);
  void send(const nlohmann::json& message);
  void received(const nlohmann::json& event, Clock::time_point at);
  void ended(const std::shared_ptr<Turn>& turn, std::string failure);

  Target target_;
  std::string cookie_;
  websocket::stream<tcp::socket> stream_;
  std::deque<std::string> outbox_;
  bool is_writing_ = false;
  std::string id_prefix_;  // of its messages: other sockets may speak for the same person
  std::int64_t next_id_ = 0;
  std::map<std::string, std::shared_ptr<Turn>> by_request_;  // until accepted or refused
  std::map<std::string, std::shared_ptr<Turn>> by_stream_;
};

}  // namespace hearth::bench

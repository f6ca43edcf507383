// One socket's protocol state: hello, strikes, rate limit, outbox, close. Knows no socket, no other
// user, no reply's text.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/session/clock.h"
#include "server/session/ids.h"
#include "server/session/limits.h"
#include "server/session/outbox.h"
#include "server/session/protocol.h"
#include "server/session/rate_limit.h"
#include "server/session/user.h"

namespace hearth::server {

struct Close {
  std::uint16_t code = 1000;
  std::string reason;    // for people; ≤ 123 bytes
  bool at_once = false;  // do not wait for a write in flight (slow consumer)
};

class Connection;

// socket: a WebSocket. events: one reply's events for one HTTP response. call: one request and its
// answer. The last two are ready from the start, count as no socket and are told no news.
enum class ConnectionKind : std::uint8_t { socket, events, call };

// What the owner (ChatService) does with a connection's messages. Called on the service's thread.
struct ConnectionEvents {
  std::function<void(Connection&, ClientMessage)> received;  // hello first, then anything but hello
  std::function<void(Connection&)> closed;                   // once
};

// Made by ChatService::connect; shared by net (the socket) and the service (until on_closed). Every
// call on the service's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Options {
    std::optional<User> user;    // from the handshake; empty: hello.token decides
    std::function<void()> wake;  // take_frame() or wants_close() has something new; see below
    std::string peer{};          // the client's address; empty: not known
    ConnectionKind kind = ConnectionKind::socket;
    std::function<void()> idle{};  // nothing was taken for idle_after; 0: never called
    Milliseconds idle_after{0};
  };

  Connection(Options options, ConnectionEvents events, const Limits& limits, Clock clock,
             SessionId session);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Called by net. A whole text frame. After a close was decided frames are ignored.
  void on_text(std::string_view frame);

  // The socket is gone, for whatever reason. Call exactly once; wake is not called afterwards.
  void on_closed();

  // The next frame to write, or nothing for now. net keeps one write in flight and calls this when
  // it completes and on wake. wake may be called inside any call into the service or a connection;
  // it must only note or post, or take frames.
  std::optional<OutEvent> take_event();
  std::optional<std::string> take_frame();

  // Set once the connection should be closed; write what take_frame still gives first, unless
  // at_once.
  const std::optional<Close>& wants_close() const { return close_; }

  // Called by the service.
  void on_tick();                // timeouts and due deltas; every 20 ms or so
  void become_ready(User user);  // after hello; the larger frame limit holds from now on
  // Events; a full outbox closes with 4498, but an answer to a request (`re`) that finds no room is
  // refused with busy: its asker may ask again. send_of keeps its place among the deltas of its
  // stream.
  void send(const ServerMessage& message);
  void send_of(const MessageId& stream, const ServerMessage& message);
  // False: there is no room for it now, and nothing was sent.
  bool offer_of(const MessageId& stream, const ServerMessage& message);
  void send_delta(Delta delta);
  void send_error(std::string re, const WireError& error);
  void forget_stream(const MessageId& stream);  // no more deltas of it will come
  void close(std::uint16_t code, std::string reason);

  // Bytes of deltas that may be sent now without filling the outbox; see Outbox::cost.
  std::size_t room() const;
  // Little enough waits that something long may be begun.
  bool is_caught_up() const;
  // Older than limits.max_age, or a little less: the same for its whole life.
  bool is_old(Instant now) const { return now - opened_at_ >= max_age_; }

  ConnectionKind kind() const { return options_.kind; }
  const std::string& peer() const { return options_.peer; }
  bool is_ready() const { return is_ready_; }
  bool is_open() const { return !close_ && !is_gone_; }
  const std::optional<User>& user() const { return options_.user; }
  const SessionId& session() const { return session_; }
  std::size_t outbox_bytes() const { return outbox_.bytes(); }

 private:
  bool passes_rate_limit(const std::string& re);
  void refuse(ParseFailure failure);
  bool passes_byte_rate(std::size_t bytes);
  void flooded();
  void queue(const std::optional<MessageId>& stream, const ServerMessage& message);
  bool push(OutEvent event);
  void slow_consumer();
  void wake_if_takable();

  Options options_;
  ConnectionEvents events_;
  ConnectionLimits limits_;
  ParseLimits parse_limits_;
  Clock clock_;
  SessionId session_;
  Outbox outbox_;
  RateLimit rate_;
  RateLimit byte_rate_;  // what a frame costs before it is read
  Instant opened_at_;
  Milliseconds max_age_;
  Instant taken_at_;  // when the outbox last moved: a frame left it, or the first came into it
  Instant spoke_at_;  // when something was taken last, or idle was called
  int strikes_ = 0;
  bool said_hello_ = false;
  bool is_ready_ = false;
  bool is_gone_ = false;
  std::optional<Close> close_;
};

}  // namespace hearth::server

// Everybody who is connected: WebSockets, event streams and single calls, by session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/session/announce.h"
#include "server/session/clock.h"
#include "server/session/connection.h"
#include "server/session/lifetime.h"
#include "server/session/limits.h"

namespace hearth::server {

// Somebody who is connected, with all of their sockets, event streams and calls.
struct Presence {
  UserId user{};
  std::string name{};
  int num_sockets = 0;
  std::set<std::string> keys{};  // key_id of those that some of them came with
};

// On the service's thread.
class Sockets {
 public:
  struct Events {
    std::function<void(Connection&, ClientMessage)> received;
    std::function<void(Connection&)> closed;  // it is forgotten here already
  };

  Sockets(const Limits& limits, Clock clock, RandomBytes random, Events events);
  ~Sockets() { all_.clear(); }
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;

  // Always gives a connection; where a cap is reached it wants to close at once (1013).
  std::shared_ptr<Connection> connect(Connection::Options options);
  void refuse_new() { is_refusing_ = true; }

  void on_tick();
  int count() const { return static_cast<int>(all_.size()); }
  int count_of(const UserId& user) const;  // ready sockets
  int num_people() const;                  // with one
  std::vector<Presence> people() const;    // by id
  // A user at the cap takes the place of the socket that is resumed: most often that one is dead
  // and nobody has noticed yet. False: there is no place.
  bool make_room(const UserId& user, const std::optional<SessionId>& resumed);

  // What connections hold: their outboxes, and a little each.
  std::int64_t held_bytes() const;
  // Closes idle WebSockets with 1013, who holds most first, until so much is given back. Replies
  // go on and can be resumed.
  void shed(std::int64_t bytes, const std::function<bool(const Connection&)>& is_idle);

  // Tells WebSockets that are old to come back on a new one, those that are idle.
  void retire(const std::function<bool(const Connection&)>& is_idle);

  Announce announcer();
  void tell_everybody(const ServerMessage& message);
  // Each with a delay of its own, so that they do not all come back at once.
  void tell_to_reconnect(const RandomBytes& random);

  void close_all(std::uint16_t code, const std::string& reason);
  void close_of_user(const UserId& user, const std::string& reason);        // 4401
  void close_of_credential(const Sha256& hash, const std::string& reason);  // 4401

 private:
  std::vector<std::shared_ptr<Connection>> open() const;

  const Limits& limits_;
  Clock clock_;
  RandomBytes random_;
  Events events_;
  std::unordered_map<SessionId, std::shared_ptr<Connection>, IdHash> all_;
  bool is_refusing_ = false;
  Lifetime lifetime_;
};

}  // namespace hearth::server

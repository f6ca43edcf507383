#include "server/session/sockets.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <unordered_set>
#include <utility>

#include "server/session/events.h"
#include "server/session/operator_key.h"

namespace hearth::server {
namespace {

constexpr std::int64_t kReconnectsPerSecond = 50;
constexpr std::int64_t kConnectionBytes = 16 * 1024;  // of one that does nothing, at most

std::int64_t held_by(const Connection& connection) {
  return kConnectionBytes + static_cast<std::int64_t>(connection.outbox_bytes());
}

std::uint64_t draw(const RandomBytes& random) {
  std::array<std::uint8_t, 8> bytes{};
  random(bytes);
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

}  // namespace

Sockets::Sockets(const Limits& limits, Clock clock, RandomBytes random, Events events)
    : limits_(limits),
      clock_(std::move(clock)),
      random_(std::move(random)),
      events_(std::move(events)) {}

std::shared_ptr<Connection> Sockets::connect(Connection::Options options) {
  ConnectionEvents events{.received = events_.received,
                          .closed = lifetime_.guard([this](Connection& connection) {
                            all_.erase(connection.session());
                            events_.closed(connection);
                          })};
  const auto session = new_id<SessionId>(random_);
  const bool is_full = count() >= limits_.service.sockets_total;
  auto connection =
      std::make_shared<Connection>(std::move(options), std::move(events), limits_, clock_, session);
  all_.emplace(session, connection);
  if (is_full || is_refusing_) connection->close(1013, "the server takes no more connections now");
  return connection;
}

std::vector<std::shared_ptr<Connection>> Sockets::open() const {
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(all_.size());
  for (const auto& [session, connection] : all_) all.push_back(connection);
  return all;
}

void Sockets::on_tick() {
  const std::int64_t now_ms = clock_.unix_ms();
  for (const auto& connection : open()) {
    const auto& user = connection->user();
    if (connection->is_ready() && user && user->expires_ms.value_or(INT64_MAX) <= now_ms)
      connection->close(4401, "the key has expired");
    connection->on_tick();
  }
}

int Sockets::count_of(const UserId& user) const {
  return static_cast<int>(std::count_if(all_.begin(), all_.end(), [&](const auto& entry) {
    const Connection& one = *entry.second;
    return one.kind() == ConnectionKind::socket && one.is_ready() && one.is_open() &&
           one.user()->id == user;
  }));
}

int Sockets::num_people() const {
  std::unordered_set<UserId, IdHash> people;
  for (const auto& [session, connection] : all_) {
    const bool is_socket = connection->kind() == ConnectionKind::socket;
    if (is_socket && connection->is_ready() && connection->is_open())
      people.insert(connection->user()->id);
  }
  return static_cast<int>(people.size());
}

bool Sockets::make_room(const UserId& user, const std::optional<SessionId>& resumed) {
  if (count_of(user) < limits_.service.sockets_per_user) return true;
  if (!resumed) return false;
  const auto old = all_.find(*resumed);
  if (old == all_.end() || !old->second->is_ready() || old->second->user()->id != user)
    return false;
  old->second->close(4409, "resumed on another socket");
  return true;
}

std::int64_t Sockets::held_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [session, connection] : all_) bytes += held_by(*connection);
  return bytes;
}

void Sockets::shed(std::int64_t bytes, const std::function<bool(const Connection&)>& is_idle) {
  std::vector<std::shared_ptr<Connection>> idle;
  for (const auto& connection : open()) {
    if (!connection->is_open()) {
      bytes -= held_by(*connection);  // it is on its way out
    } else if (connection->kind() == ConnectionKind::socket && is_idle(*connection)) {
      idle.push_back(connection);
    }
  }
  std::sort(idle.begin(), idle.end(),
            [](const auto& a, const auto& b) { return held_by(*a) > held_by(*b); });
  for (const auto& connection : idle) {
    if (bytes <= 0) return;
    bytes -= held_by(*connection);
    connection->close(1013, "the server is full; come back a little later");
  }
}

void Sockets::retire(const std::function<bool(const Connection&)>& is_idle) {
  const Instant now = clock_.now();
  std::vector<std::shared_ptr<Connection>> leaving;
  for (const auto& [session, connection] : all_) {
    const bool is_socket = connection->kind() == ConnectionKind::socket && connection->is_ready();
    if (is_socket && connection->is_open() && connection->is_old(now) && is_idle(*connection))
      leaving.push_back(connection);
  }
  for (const auto& connection : leaving) {
    connection->send(reconnect_event(0, "max_age"));
    connection->close(1012, "this connection is old; come back on a new one");
  }
}

std::vector<Presence> Sockets::people() const {
  std::map<std::string, Presence> people;
  for (const auto& [session, connection] : all_) {
    const auto& user = connection->user();
    if (!user || !connection->is_ready() || !connection->is_open()) continue;
    Presence& one = people[to_string(user->id)];
    one.user = user->id;
    one.name = user->name;
    if (connection->kind() == ConnectionKind::socket) ++one.num_sockets;
    if (user->scope != Scope::owner) one.keys.insert(key_id(user->credential));
  }
  std::vector<Presence> list;
  for (auto& [id, one] : people) list.push_back(std::move(one));
  return list;
}

Announce Sockets::announcer() {
  return [this](const UserId& user, const Connection* asker, const ServerMessage& message) {
    for (const auto& connection : open()) {
      const bool is_other =
          connection.get() != asker && connection->kind() == ConnectionKind::socket;
      if (is_other && connection->is_ready() && connection->user()->id == user)
        connection->send(message);
    }
  };
}

void Sockets::tell_everybody(const ServerMessage& message) {
  for (const auto& connection : open()) {
    if (connection->is_ready() && connection->kind() == ConnectionKind::socket)
      connection->send(message);
  }
}

void Sockets::tell_to_reconnect(const RandomBytes& random) {
  const auto spread_ms = static_cast<std::uint64_t>(count()) * 1000 / kReconnectsPerSecond + 1;
  for (const auto& connection : open()) {
    if (!connection->is_ready() || connection->kind() == ConnectionKind::call) continue;
    const auto after_ms = static_cast<std::int64_t>(draw(random) % spread_ms);
    connection->send(reconnect_event(after_ms, "shutdown"));
  }
}

void Sockets::close_all(std::uint16_t code, const std::string& reason) {
  for (const auto& connection : open()) connection->close(code, reason);
}

void Sockets::close_of_user(const UserId& user, const std::string& reason) {
  for (const auto& connection : open()) {
    if (connection->user() && connection->user()->id == user) connection->close(4401, reason);
  }
}

void Sockets::close_of_credential(const Sha256& hash, const std::string& reason) {
  for (const auto& connection : open()) {
    if (connection->user() && connection->user()->credential == hash)
      connection->close(4401, reason);
  }
}

}  // namespace hearth::server

#include "server/session/chat_service.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "server/session/events.h"
#include "server/session/history_calls.h"
#include "server/session/identity.h"
#include "server/session/lifetime.h"
#include "server/session/measure.h"
#include "server/session/replies.h"
#include "server/session/resume.h"
#include "server/session/room_pulse.h"
#include "server/session/tree_calls.h"
#include "server/session/turn_starter.h"

namespace hearth::server {
namespace {

constexpr Milliseconds kPurgeEvery{10 * 60'000};
constexpr std::int64_t kRequestsKeptMs = 24 * 3'600'000;
constexpr std::int64_t kReconnectsPerSecond = 50;

}  // namespace

class ChatService::Impl {
 public:
  Impl(ServicePorts ports, Limits limits, ServerInfo info);
  ~Impl() { connections_.clear(); }

  std::shared_ptr<Connection> connect(Connection::Options options);
  void set_model(ModelStatus status);
  void on_tick();
  void begin_drain(std::function<void()> drained);
  ServiceStats stats() const;

  ServicePorts ports_;
  Limits limits_;
  ServerInfo info_;
  ModelStatus model_;
  Admission admission_;
  Identity identity_;
  Replies replies_;
  TraceCalls traces_;
  TurnStarter turns_;
  HistoryCalls history_;
  TreeCalls tree_;
  Measurer measurer_;
  Resumer resumer_;

 private:
  // One function for each message; std::visit has the compiler list them.
  void handle(const std::shared_ptr<Connection>& from, Hello message);
  void handle(const std::shared_ptr<Connection>& from, ChatCreate message) {
    turns_.create(from, std::move(message));
  }
  void handle(const std::shared_ptr<Connection>& from, const ChatStep& message);
  void handle(const std::shared_ptr<Connection>& from, const ChatAnswer& message) {
    history_.answer_now(from, message);
  }
  void handle(const std::shared_ptr<Connection>& from, const ChatCancel& message) {
    history_.cancel(from, message);
  }
  void handle(const std::shared_ptr<Connection>& from, const StreamAttach& message) {
    history_.attach(from, message);
  }
  void handle(const std::shared_ptr<Connection>&, const Ack&) {
  }  // replies are kept whole, so there is nothing to trim
  void handle(const std::shared_ptr<Connection>& from, const HistoryList& message) {
    history_.list(from, message);
  }
  void handle(const std::shared_ptr<Connection>& from, const HistoryGet& message) {
    history_.get(from, message);
  }
  void handle(const std::shared_ptr<Connection>& from, const ChatEdit& message) {
    tree_.edit(from, message);
  }
  void handle(const std::shared_ptr<Connection>& from, ContextMeasure message) {
    measurer_.measure(from, std::move(message));
  }
  void handle(const std::shared_ptr<Connection>& from, const HistoryRename& message) {
    tree_.rename(from, message);
  }
  void handle(const std::shared_ptr<Connection>& from, const HistoryDelete& message) {
    tree_.remove(from, message);
  }
  void handle(const std::shared_ptr<Connection>& from, const HistoryClear& message) {
    tree_.clear(from, message);
  }
  void handle(const std::shared_ptr<Connection>& from, const HistoryRestore& message) {
    tree_.restore(from, message);
  }
  void handle(const std::shared_ptr<Connection>& from, const HistorySearch& message) {
    tree_.search(from, message);
  }
  void handle(const std::shared_ptr<Connection>& from, ConversationUpdate message) {
    tree_.update(from, std::move(message));
  }
  void handle(const std::shared_ptr<Connection>& from, const ConversationHead& message) {
    tree_.head(from, message);
  }
  void handle(const std::shared_ptr<Connection>&, const Ping&) {}  // the connection answered

  void known(const std::shared_ptr<Connection>& connection, const User& user,
             std::optional<Resume> resume);
  void welcome(const std::shared_ptr<Connection>& connection, const User& user,
               const Resumed& resumed);
  bool make_room(const UserId& user, const std::optional<SessionId>& resumed);
  int sockets_of(const UserId& user) const;
  Announce announcer();
  void drain_further();
  void tell_everybody(const ServerMessage& message);
  void tell_room(Instant now);
  std::vector<std::shared_ptr<Connection>> open_connections() const;

  const SessionId epoch_;
  std::unordered_map<SessionId, std::shared_ptr<Connection>, IdHash> connections_;
  std::function<void()> drained_;
  Instant drain_until_;
  bool is_draining_ = false;
  Instant purged_at_;
  RoomPulse pulse_;
  Lifetime lifetime_;
};

ChatService::Impl::Impl(ServicePorts ports, Limits limits, ServerInfo info)
    : ports_(std::move(ports)),
      limits_(limits),
      info_(std::move(info)),
      admission_(limits_.service),
      identity_(ports_.store, ports_.clock, ports_.random, limits_.service.cached_credentials),
      replies_({ports_.engine, ports_.store, ports_.clock, ports_.log}, limits_.service),
      traces_(ports_.store, replies_, ports_.text, model_),
      turns_({ports_.text, ports_.store, replies_, admission_, traces_, model_, ports_.clock,
              ports_.random, ports_.next_request_id, announcer()},
             limits_.service),
      history_(ports_.store, replies_),
      tree_(ports_.store, replies_, ports_.clock, announcer(), limits_.service),
      measurer_(ports_.store, ports_.text, model_, limits_.service),
      resumer_(ports_.store, replies_),
      epoch_(new_id<SessionId>(ports_.random)),
      purged_at_(ports_.clock.now()) {}

std::shared_ptr<Connection> ChatService::Impl::connect(Connection::Options options) {
  ConnectionEvents events{.received =
                              [this](Connection& from, ClientMessage message) {
                                std::visit(
                                    [&](auto&& one) {
                                      handle(from.shared_from_this(),
                                             std::forward<decltype(one)>(one));
                                    },
                                    std::move(message));
                              },
                          .closed = lifetime_.guard([this](Connection& connection) {
                            replies_.forget(connection);
                            connections_.erase(connection.session());
                          })};
  const auto session = new_id<SessionId>(ports_.random);
  const bool is_full = static_cast<int>(connections_.size()) >= limits_.service.sockets_total;
  auto connection = std::make_shared<Connection>(std::move(options), std::move(events), limits_,
                                                 ports_.clock, session);
  connections_.emplace(session, connection);
  if (is_full || is_draining_) connection->close(1013, "the server takes no more connections now");
  return connection;
}

void ChatService::Impl::handle(const std::shared_ptr<Connection>& from, const ChatStep& message) {
  const auto refuse = [&](ErrorCode code, std::string detail, std::string param = {}) {
    from->send_error(message.id, {.code = code, .detail = std::move(detail), .param = param});
  };
  Reply* const reply = replies_.find(from->user()->id, message.stream);
  if (!reply) return refuse(ErrorCode::not_found, "There is no such id here.");
  if (message.token && (!model_.info || !is_token(*model_.info->tokenizer, *message.token))) {
    return refuse(ErrorCode::invalid_parameter, "The vocabulary has no such token.", "token");
  }
  const Result<void> stepped = replies_.step(*reply, message.num_tokens, message.token);
  if (!stepped) return refuse(stepped.error().code, stepped.error().detail);
  from->send(result_event(message.id, {{"stream", to_string(message.stream)}}));
}

int ChatService::Impl::sockets_of(const UserId& user) const {
  return static_cast<int>(
      std::count_if(connections_.begin(), connections_.end(), [&](const auto& entry) {
        const Connection& one = *entry.second;
        return one.is_ready() && one.is_open() && one.user()->id == user;
      }));
}

void ChatService::Impl::handle(const std::shared_ptr<Connection>& from, Hello message) {
  if (!message.token) {
    if (from->user()) {
      known(from, User(*from->user()), std::move(message.resume));
    } else {
      from->close(4401, "no credential");
    }
    return;
  }
  identity_.authenticate(
      *message.token,
      lifetime_.guard([this, weak = std::weak_ptr<Connection>(from),
                       resume = std::move(message.resume)](const Result<User>& user) {
        const auto connection = weak.lock();
        if (!connection) return;
        if (user) {
          known(connection, *user, resume);
          return;
        }
        connection->send_error({}, WireError::of(user.error()));
        const bool unknown = user.error().code == ErrorCode::unauthorized;
        connection->close(unknown ? 4401 : 1013, unknown ? "unknown credential" : "try again");
      }));
}

// A user at the cap takes the place of the socket that is resumed: most often that one is dead and
// nobody has noticed yet.
bool ChatService::Impl::make_room(const UserId& user, const std::optional<SessionId>& resumed) {
  if (sockets_of(user) < limits_.service.sockets_per_user) return true;
  if (!resumed) return false;
  const auto old = connections_.find(*resumed);
  if (old == connections_.end() || !old->second->is_ready() || old->second->user()->id != user)
    return false;
  old->second->close(4409, "resumed on another socket");
  return true;
}

void ChatService::Impl::known(const std::shared_ptr<Connection>& connection, const User& user,
                              std::optional<Resume> resume) {
  const auto session = resume ? resume->session : std::nullopt;
  resumer_.resume(
      connection, user.id, std::move(resume).value_or(Resume{}),
      [this, weak = std::weak_ptr<Connection>(connection), user, session](const Resumed& resumed) {
        const auto socket = weak.lock();
        if (!socket) return;
        if (make_room(user.id, session)) {
          welcome(socket, user, resumed);
        } else {
          socket->close(1013, "too many sockets of one user");
        }
      },
      [weak = std::weak_ptr<Connection>(connection)](const Error& error) {
        const auto socket = weak.lock();
        if (!socket) return;
        socket->send_error({}, WireError::of(error));
        socket->close(1013, "try again");
      });
}

void ChatService::Impl::welcome(const std::shared_ptr<Connection>& connection, const User& user,
                                const Resumed& resumed) {
  connection->become_ready(user);
  connection->send(ready_event({.session = connection->session(),
                                .epoch = epoch_,
                                .user = user,
                                .resumed = resumed,
                                .version = info_.version,
                                .durable = info_.durable,
                                .limits = &limits_,
                                .model = &model_}));
  pulse_.greet();
}

std::vector<std::shared_ptr<Connection>> ChatService::Impl::open_connections() const {
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(connections_.size());
  for (const auto& [session, connection] : connections_) all.push_back(connection);
  return all;
}

Announce ChatService::Impl::announcer() {
  return [this](const UserId& user, const Connection* asker, const ServerMessage& message) {
    for (const auto& connection : open_connections()) {
      const bool is_other = connection.get() != asker;
      if (is_other && connection->is_ready() && connection->user()->id == user)
        connection->send(message);
    }
  };
}

void ChatService::Impl::tell_everybody(const ServerMessage& message) {
  for (const auto& connection : open_connections()) {
    if (connection->is_ready()) connection->send(message);
  }
}

void ChatService::Impl::tell_room(Instant now) {
  if (!pulse_.is_due(now)) return;
  std::unordered_set<UserId, IdHash> people;
  for (const auto& [session, connection] : connections_) {
    if (connection->is_ready() && connection->is_open()) people.insert(connection->user()->id);
  }
  const RoomCount replies = replies_.count_people();
  const auto message = pulse_.tell({.people = static_cast<int>(people.size()),
                                    .running = replies.running,
                                    .queued = replies.queued},
                                   now);
  if (message) tell_everybody(*message);
}

void ChatService::Impl::set_model(ModelStatus status) {
  model_ = std::move(status);
  tell_everybody(model_event(model_, limits_.service.max_tokens));
}

void ChatService::Impl::on_tick() {
  const Instant now = ports_.clock.now();
  replies_.on_tick();
  for (const auto& connection : open_connections()) connection->on_tick();
  tell_room(now);
  if (now - purged_at_ >= kPurgeEvery) {
    purged_at_ = now;
    const std::int64_t unix_ms = ports_.clock.unix_ms();
    ports_.store.purge(unix_ms - kRequestsKeptMs, unix_ms - limits_.service.undo.count());
  }
  if (is_draining_) drain_further();
}

void ChatService::Impl::begin_drain(std::function<void()> drained) {
  if (is_draining_) return;
  is_draining_ = true;
  drained_ = std::move(drained);
  drain_until_ = ports_.clock.now() + limits_.service.drain_timeout;
  admission_.close();
  replies_.interrupt_paused();
  const auto spread_ms =
      static_cast<std::uint64_t>(connections_.size()) * 1000 / kReconnectsPerSecond + 1;
  for (const auto& connection : open_connections()) {
    std::array<std::uint8_t, 8> bytes{};
    ports_.random(bytes);
    std::uint64_t draw = 0;
    std::memcpy(&draw, bytes.data(), sizeof draw);
    if (connection->is_ready()) {
      connection->send(reconnect_event(static_cast<std::int64_t>(draw % spread_ms), "shutdown"));
    }
  }
  drain_further();
}

void ChatService::Impl::drain_further() {
  if (!drained_) return;
  if (ports_.clock.now() >= drain_until_) replies_.interrupt_all();
  if (!replies_.all_settled() || turns_.is_busy()) return;
  for (const auto& connection : open_connections()) connection->close(1012, "the server restarts");
  std::exchange(drained_, nullptr)();
}

ServiceStats ChatService::Impl::stats() const {
  return {.connections = static_cast<int>(connections_.size()),
          .running = replies_.running(),
          .queued = replies_.queued()};
}

ChatService::ChatService(ServicePorts ports, Limits limits, ServerInfo info)
    : impl_(std::make_unique<Impl>(std::move(ports), limits, std::move(info))) {}

ChatService::~ChatService() = default;

void ChatService::open_session(std::optional<std::string> secret, std::optional<std::string> name,
                               std::function<void(Result<SessionGrant>)> done) {
  impl_->identity_.open_session(std::move(secret), std::move(name), std::move(done));
}

void ChatService::authenticate(std::string secret, std::function<void(Result<User>)> done) {
  impl_->identity_.authenticate(secret, std::move(done));
}

void ChatService::local_user(std::function<void(Result<User>)> done) {
  impl_->identity_.local_user(std::move(done));
}

std::shared_ptr<Connection> ChatService::connect(Connection::Options options) {
  return impl_->connect(std::move(options));
}

void ChatService::engine_progressed(std::span<const engine::RequestId> changed) {
  impl_->replies_.progressed(changed);
}

void ChatService::set_model(ModelStatus status) { impl_->set_model(std::move(status)); }

const ModelStatus& ChatService::model() const { return impl_->model_; }

void ChatService::on_tick() { impl_->on_tick(); }

Admission& ChatService::admission() { return impl_->admission_; }

TraceCalls& ChatService::traces() { return impl_->traces_; }

ServiceStats ChatService::stats() const { return impl_->stats(); }

void ChatService::begin_drain(std::function<void()> drained) {
  impl_->begin_drain(std::move(drained));
}

}  // namespace hearth::server

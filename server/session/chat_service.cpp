#include "server/session/chat_service.h"

#include <utility>

#include "server/session/ended_replies.h"
#include "server/session/events.h"
#include "server/session/history_calls.h"
#include "server/session/identity.h"
#include "server/session/lifetime.h"
#include "server/session/measure.h"
#include "server/session/replies.h"
#include "server/session/requests.h"
#include "server/session/resume.h"
#include "server/session/room_pulse.h"
#include "server/session/sockets.h"
#include "server/session/tree_calls.h"
#include "server/session/turn_starter.h"

namespace hearth::server {
namespace {

constexpr Milliseconds kMeasureEvery{500};
constexpr Milliseconds kPurgeEvery{10 * 60'000};
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kRequestsKeptMs = 24 * kHourMs;

}  // namespace

class ChatService::Impl {
 public:
  Impl(ServicePorts ports, Limits limits, ServerInfo info);

  void set_model(ModelStatus status);
  void on_tick();
  void begin_drain(std::function<void()> drained);
  ServiceStats stats() const;
  QueueView queue_of(const UserId& user) const;
  std::vector<PersonHere> people() const;

  Lifetime lifetime_;
  ServicePorts ports_;
  Limits limits_;
  ServerInfo info_;
  ModelStatus model_;
  Admission admission_;
  Identity identity_;
  Replies replies_;
  EndedReplies ended_;
  Sockets sockets_;
  TraceCalls traces_;
  TurnStarter turns_;
  HistoryCalls history_;
  TreeCalls tree_;
  Measurer measurer_;
  Resumer resumer_;
  Requests requests_;
  AccountCalls account_;
  TransferCalls transfer_;

 private:
  Sockets::Events socket_events();
  void greet(const std::shared_ptr<Connection>& from, Hello message);
  void known(const std::shared_ptr<Connection>& connection, const User& user,
             std::optional<Resume> resume);
  void welcome(const std::shared_ptr<Connection>& connection, const User& user,
               const Resumed& resumed);
  void purge();
  void drain_further();
  void tell_room(Instant now);
  std::int64_t held_bytes() const { return sockets_.held_bytes() + replies_.held_bytes(); }
  void measure_memory(Instant now);

  const SessionId epoch_;
  std::function<void()> drained_;
  Instant drain_until_;
  bool is_draining_ = false;
  Instant purged_at_;
  Instant measured_at_;
  RoomPulse pulse_;
};

ChatService::Impl::Impl(ServicePorts ports, Limits limits, ServerInfo info)
    : ports_(std::move(ports)),
      limits_(limits),
      info_(std::move(info)),
      admission_(limits_.service),
      identity_(ports_.store, ports_.clock, ports_.random, limits_.service),
      replies_({ports_.engine, ports_.store, ports_.clock, ports_.log}, limits_.service),
      ended_(ports_.store, replies_),
      sockets_(limits_, ports_.clock, ports_.random, socket_events()),
      traces_(ports_.store, replies_, ports_.text, model_),
      turns_({ports_.text, ports_.store, replies_, ended_, admission_, traces_, model_,
              ports_.clock, ports_.random, ports_.next_request_id, sockets_.announcer()},
             limits_.service),
      history_(ports_.store, replies_, ended_),
      tree_(ports_.store, replies_, turns_, ports_.clock, sockets_.announcer(), limits_.service),
      measurer_(ports_.store, ports_.text, model_, limits_.service),
      resumer_(ports_.store, replies_, ended_),
      requests_({turns_, history_, tree_, measurer_, replies_, model_}),
      account_({ports_.store, identity_, replies_, turns_, sockets_, ports_.clock, ports_.random}),
      transfer_(ports_.store, replies_, ports_.text, sockets_.announcer(), limits_.service),
      epoch_(new_id<SessionId>(ports_.random)),
      purged_at_(ports_.clock.now()),
      measured_at_(purged_at_) {}

Sockets::Events ChatService::Impl::socket_events() {
  return {.received =
              [this](Connection& from, ClientMessage message) {
                if (auto* const hello = std::get_if<Hello>(&message)) {
                  greet(from.shared_from_this(), std::move(*hello));
                } else {
                  requests_.handle(from.shared_from_this(), std::move(message));
                }
              },
          .closed = [this](Connection& connection) { replies_.forget(connection); }};
}

void ChatService::Impl::greet(const std::shared_ptr<Connection>& from, Hello message) {
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

void ChatService::Impl::known(const std::shared_ptr<Connection>& connection, const User& user,
                              std::optional<Resume> resume) {
  const auto session = resume ? resume->session : std::nullopt;
  resumer_.resume(
      connection, user.id, std::move(resume).value_or(Resume{}),
      [this, weak = std::weak_ptr<Connection>(connection), user, session](const Resumed& resumed) {
        const auto socket = weak.lock();
        if (!socket) return;
        if (sockets_.make_room(user.id, session)) {
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

void ChatService::Impl::tell_room(Instant now) {
  if (!pulse_.is_due(now)) return;
  const RoomCount replies = replies_.count_people();
  const auto message = pulse_.tell(
      {.people = sockets_.num_people(), .running = replies.running, .queued = replies.queued}, now);
  if (message) sockets_.tell_everybody(*message);
}

void ChatService::Impl::set_model(ModelStatus status) {
  model_ = std::move(status);
  sockets_.tell_everybody(model_event(model_, limits_.service.max_tokens));
}

void ChatService::Impl::on_tick() {
  const Instant now = ports_.clock.now();
  measure_memory(now);
  replies_.on_tick(admission_.overload_level() >= 1);
  ended_.on_tick();
  sockets_.on_tick();
  sockets_.retire([this](const Connection& socket) {
    return !replies_.is_live_for(socket) && !turns_.is_asked_by(socket);
  });
  tell_room(now);
  if (now - purged_at_ >= kPurgeEvery) {
    purged_at_ = now;
    purge();
  }
  if (is_draining_) drain_further();
}

// The overload ladder's first gauge, and what its third level does here.
void ChatService::Impl::measure_memory(Instant now) {
  if (now - measured_at_ < kMeasureEvery) return;
  measured_at_ = now;
  const int before = admission_.overload_level();
  const auto held = static_cast<double>(held_bytes());
  const auto most = static_cast<double>(limits_.service.memory);
  admission_.set_memory(held / most);
  const int level = admission_.overload_level();
  if (level != before && ports_.log)
    ports_.log("overload level " + std::to_string(level) + ", was " + std::to_string(before));
  if (level < 3) return;
  sockets_.shed(static_cast<std::int64_t>(held - Overload::kShedTo * most),
                [this](const Connection& socket) { return !replies_.is_live_for(socket); });
}

void ChatService::Impl::purge() {
  const std::int64_t now_ms = ports_.clock.unix_ms();
  const std::int64_t days = limits_.service.retention_days;
  ports_.store.purge({.requests_ms = now_ms - kRequestsKeptMs,
                      .hidden_ms = now_ms - limits_.service.undo.count(),
                      .untouched_ms = days > 0 ? now_ms - days * 24 * kHourMs : 0});
}

void ChatService::Impl::begin_drain(std::function<void()> drained) {
  if (is_draining_) return;
  is_draining_ = true;
  drained_ = std::move(drained);
  drain_until_ = ports_.clock.now() + limits_.service.drain_timeout;
  admission_.close();
  replies_.interrupt_paused();
  sockets_.refuse_new();
  sockets_.tell_to_reconnect(ports_.random);
  drain_further();
}

void ChatService::Impl::drain_further() {
  if (!drained_) return;
  if (ports_.clock.now() >= drain_until_) replies_.interrupt_all();
  if (!replies_.all_settled() || turns_.is_busy()) return;
  sockets_.close_all(1012, "the server restarts");
  std::exchange(drained_, nullptr)();
}

ServiceStats ChatService::Impl::stats() const {
  return {
      .connections = sockets_.count(), .running = replies_.running(), .queued = replies_.queued()};
}

QueueView ChatService::Impl::queue_of(const UserId& user) const {
  QueueView view{.running = replies_.running(),
                 .queued = replies_.queued(),
                 .taken = admission_.live(),
                 .places = admission_.live_max()};
  for (const Reply* const reply : replies_.live_of(user)) {
    QueueView::Own own{
        .stream = reply->id(), .conversation = reply->conversation(), .state = reply->state()};
    if (reply->is_queued() && reply->place().position > 0) own.place = reply->place();
    view.own.push_back(std::move(own));
  }
  return view;
}

std::vector<PersonHere> ChatService::Impl::people() const {
  std::vector<PersonHere> people;
  for (Presence& presence : sockets_.people()) {
    PersonHere one{.presence = std::move(presence)};
    for (const Reply* const reply : replies_.live_of(one.presence.user))
      ++(reply->is_running() ? one.num_running : one.num_waiting);
    people.push_back(std::move(one));
  }
  return people;
}

ChatService::ChatService(ServicePorts ports, Limits limits, ServerInfo info)
    : impl_(std::make_unique<Impl>(std::move(ports), limits, std::move(info))) {}

ChatService::~ChatService() = default;

void ChatService::open_session(SessionWish wish, std::function<void(Result<SessionGrant>)> done) {
  impl_->identity_.open_session(std::move(wish), std::move(done));
}

void ChatService::authenticate(std::string secret, std::function<void(Result<User>)> done) {
  impl_->identity_.authenticate(secret, std::move(done));
}

void ChatService::local_user(std::function<void(Result<User>)> done) {
  impl_->identity_.local_user(std::move(done));
}

std::shared_ptr<Connection> ChatService::connect(Connection::Options options) {
  return impl_->sockets_.connect(std::move(options));
}

void ChatService::engine_progressed(std::span<const engine::RequestId> changed) {
  impl_->replies_.progressed(changed);
}

void ChatService::set_model(ModelStatus status) { impl_->set_model(std::move(status)); }

const ModelStatus& ChatService::model() const { return impl_->model_; }

void ChatService::on_tick() { impl_->on_tick(); }

Admission& ChatService::admission() { return impl_->admission_; }

const ServerInfo& ChatService::info() const { return impl_->info_; }

AccountCalls& ChatService::account() { return impl_->account_; }

TransferCalls& ChatService::transfer() { return impl_->transfer_; }

TraceCalls& ChatService::traces() { return impl_->traces_; }

ServiceStats ChatService::stats() const { return impl_->stats(); }

QueueView ChatService::queue_of(const UserId& user) const { return impl_->queue_of(user); }

std::vector<PersonHere> ChatService::people() const { return impl_->people(); }

void ChatService::begin_drain(std::function<void()> drained) {
  impl_->begin_drain(std::move(drained));
}

}  // namespace hearth::server

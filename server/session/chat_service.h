// All users: who they are, their conversations, the replies being written. Owns no socket and no
// thread.
//
// Reading order: connection.h (one socket), reply.h (one answer), then this, which only connects
// them. Its parts are small classes of their own: Sockets, Identity, Admission, Replies,
// TurnStarter, and Requests with those that answer them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/runtime/request.h"
#include "server/session/account_calls.h"
#include "server/session/admission.h"
#include "server/session/clock.h"
#include "server/session/connection.h"
#include "server/session/engine_port.h"
#include "server/session/history_store.h"
#include "server/session/limits.h"
#include "server/session/model_info.h"
#include "server/session/queue_view.h"
#include "server/session/session_grant.h"
#include "server/session/text_port.h"
#include "server/session/trace_calls.h"
#include "server/session/transfer_calls.h"
#include "server/session/user.h"

namespace hearth::server {

// Everything outside. References outlive the service.
struct ServicePorts {
  EnginePort& engine;  // used only while the model's state is ready
  TextPort& text;
  HistoryStore& store;
  Clock clock;
  RandomBytes random;
  std::function<engine::RequestId()>
      next_request_id;  // unique in the process; shared with the HTTP routes
  std::function<void(const std::string&)> log;  // for the operator, one line; may be empty
};

struct ServerInfo {
  std::string version;
  bool durable = true;  // false: the store forgets at exit
};

struct ServiceStats {
  int connections = 0;
  int running = 0;  // replies in the engine and scheduled
  int queued = 0;
};

// Lives on the service strand, which is the I/O thread: every call, and every callback of its
// ports, comes there. Callbacks that outlive the service are harmless (they hold weak references).
class ChatService {
 public:
  ChatService(ServicePorts ports, Limits limits, ServerInfo info);
  ~ChatService();
  ChatService(const ChatService&) = delete;
  ChatService& operator=(const ChatService&) = delete;

  // Identity. Callbacks run on this thread, later or at once. With a known secret: that user
  // (renamed, if a name is given). Else a new one. Errors: invalid_parameter (name), forbidden
  // (phrase), rate_limited, storage_unavailable.
  void open_session(SessionWish wish, std::function<void(Result<SessionGrant>)> done);
  // The handshake's cookie or Bearer. Errors: unauthorized, storage_unavailable.
  void authenticate(std::string secret, std::function<void(Result<User>)> done);
  // The one user `local` of a loopback server without keys.
  void local_user(std::function<void(Result<User>)> done);

  // Sockets, and calls and event streams of the HTTP side. Always gives a connection; where a cap
  // is reached it wants to close at once (1013).
  std::shared_ptr<Connection> connect(Connection::Options options);

  // The engine, the model, time. Once
  // per engine step, with the requests whose stream changed; ids that are not this service's are
  // ignored.
  void engine_progressed(std::span<const engine::RequestId> changed);
  // Told to every connection. Before the first call, and until ready, chat.create answers
  // model_loading.
  void set_model(ModelStatus status);
  const ModelStatus& model() const;
  // Every 20 ms while anything is connected or live; timeouts, checkpoints, merged deltas.
  void on_tick();

  // Shared with the HTTP routes.
  Admission& admission();
  TraceCalls& traces();
  const ServerInfo& info() const;
  AccountCalls& account();
  TransferCalls& transfer();
  ServiceStats stats() const;
  QueueView queue_of(const UserId& user) const;
  std::vector<PersonHere> people() const;  // for the operator

  // SIGTERM: no new replies; every client gets `reconnect`. Running replies go on until
  // drain_timeout, then they are stored as interrupted. When all is stored the connections want to
  // close with 1012 and drained is called, once.
  void begin_drain(std::function<void()> drained);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::server

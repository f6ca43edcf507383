// The listening socket and everything behind it: HTTP, WebSocket, the page.
//
// Reading order: router.h (what is served), gate.h (to whom), http_connection.cpp (one request
// after the other on one socket), ws_connection.cpp (a socket that became a session::Connection).
// All of it lives on the EventLoop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "server/net/certificate.h"
#include "server/net/event_loop.h"
#include "server/net/gate.h"
#include "server/net/net_limits.h"
#include "server/net/router.h"
#include "server/session/chat_service.h"
#include "server/session/clock.h"
#include "server/session/limits.h"

namespace hearth::server {

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address or localhost
  std::uint16_t port = 8080;       // 0: any free one
  NetLimits limits{};
  ConnectionLimits frames{};                 // of the WebSockets: the same as the service's
  std::optional<Certificate> certificate{};  // TLS, and nothing else, on this port
  bool hsts = false;                         // Strict-Transport-Security in every answer
  bool is_for_operator = false;              // served however high the overload is
};

class Server {
 public:
  // References outlive it.
  Server(EventLoop& loop, ServerOptions options, Router router, Gate& gate, ChatService& service,
         RandomBytes random);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Opens the port, and gives it; connections are accepted once the loop runs. Errors: io_error.
  Result<std::uint16_t> listen();

  // No new sockets; idle ones are closed, others after their response. WebSockets are the service's
  // business.
  void stop_accepting();

  // Cuts whatever is still open.
  void close_all();

  std::size_t open_connections() const;
  std::size_t connections_max() const;  // limits.connections, or what the process may open

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::server

// The listening socket and everything behind it: HTTP, WebSocket, the page.
//
// Reading order: router.h (what is served), gate.h (to whom), http_connection.cpp (one request
// after the other on one socket), ws_connection.cpp (a socket that became a session::Connection).
// All of it lives on the EventLoop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "server/net/event_loop.h"
#include "server/net/gate.h"
#include "server/net/router.h"
#include "server/session/chat_service.h"
#include "server/session/clock.h"

namespace hearth::server {

struct NetLimits {
  std::size_t header_bytes = 8 * 1024;
  std::size_t connections = 4096;
  std::size_t connections_per_address = 64;  // does not hold for loopback
  std::size_t frame_bytes_before_ready = 64 * 1024;
  std::size_t frame_bytes = 1024 * 1024;
  Milliseconds header_within{
      5'000};  // from the request's first byte (of a new socket: from accept)
  Milliseconds body_within{15'000};
  Milliseconds idle{30'000};     // between requests
  Milliseconds stalled{15'000};  // a response of which the client takes nothing
  Milliseconds linger{
      1'000};  // after a refusal: reads what the client still sends, so that it can read why
  Milliseconds ws_handshake{5'000};
  Milliseconds ws_idle{40'000};  // pings go out at half of it
  Milliseconds ws_close{5'000};  // for the closing handshake, then the socket is cut
};

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address or localhost
  std::uint16_t port = 8080;       // 0: any free one
  NetLimits limits;
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

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::server

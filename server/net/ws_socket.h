// The TCP socket under a WebSocket: it ends without taking back its last words.
#pragma once

#include <array>
#include <type_traits>
#include <utility>

#include "server/net/asio.h"

namespace hearth::server {

// A type of its own, so that Beast ends it with the async_teardown below. That of Beast 1.74 reads
// once and closes (it looks at a byte count that is never set); what the client is still sending is
// then answered with a reset, which makes many clients drop the close frame unread: they see 1006
// where Hearth said 1009.
class WsSocket : public tcp::socket {
 public:
  explicit WsSocket(tcp::socket socket) : tcp::socket(std::move(socket)) {}
};

// Says that nothing more will come, then reads and forgets until the client has closed too. Who
// starts it sets the time limit: closing the socket ends it (Beast does after ws_handshake,
// WsConnection after ws_close).
class WsDrain {
 public:
  explicit WsDrain(WsSocket& socket) : socket_(socket) {}

  template <class Self>
  void operator()(Self& self, error_code ec = {}) {
    error_code ignored;
    if (!is_begun_) {
      is_begun_ = true;
      socket_.shutdown(tcp::socket::shutdown_send, ignored);
      socket_.non_blocking(true, ignored);
    } else {
      std::array<char, 16 * 1024> unread;
      if (!ec) socket_.read_some(asio::buffer(unread), ec);
      if (ec && ec != asio::error::would_block) {
        socket_.close(ignored);
        return self.complete(ec == asio::error::eof ? error_code{} : ec);
      }
    }
    // One read a turn: whoever sends without end delays nobody.
    socket_.async_wait(tcp::socket::wait_read, std::move(self));
  }

 private:
  WsSocket& socket_;
  bool is_begun_ = false;
};

template <class Handler>
void async_teardown(beast::role_type, WsSocket& socket, Handler&& handler) {
  std::decay_t<Handler> done(std::forward<Handler>(handler));
  asio::async_compose<std::decay_t<Handler>, void(error_code)>(WsDrain(socket), done,
                                                               socket.get_executor());
}

}  // namespace hearth::server

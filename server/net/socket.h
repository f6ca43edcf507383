// A TCP connection, plain or inside TLS. Who reads and writes cannot tell.
#pragma once

#include <array>
#include <memory>
#include <type_traits>
#include <utility>

#include "server/net/asio.h"

namespace hearth::server {

// Movable while nothing is being read or written. A type of its own, so that Beast ends a WebSocket
// with the async_teardown below: its own reads once and closes (1.74 to 1.83: it compares with a
// byte count that is never set), and what the client is still sending is answered with a reset,
// which makes many clients drop the close frame unread: they see 1006 where Hearth said 1009. For
// TLS, old Beast leaves the TCP connection open (reliability §0, finding 3).
class Socket {
 public:
  using executor_type = tcp::socket::executor_type;
  using next_layer_type = tcp::socket;  // what is closed when something takes too long
  using Tls = asio::ssl::stream<tcp::socket&>;

  explicit Socket(tcp::socket plain) : tcp_(std::make_unique<tcp::socket>(std::move(plain))) {}

  executor_type get_executor() { return tcp_->get_executor(); }
  next_layer_type& next_layer() { return *tcp_; }
  const next_layer_type& next_layer() const { return *tcp_; }

  bool is_tls() const { return tls_ != nullptr; }
  Tls& tls() { return *tls_; }
  bool is_open() const { return tcp_ && tcp_->is_open(); }
  void close() {
    error_code ignored;
    if (tcp_) tcp_->close(ignored);
  }

  // The server's side of the handshake; afterwards everything goes through TLS.
  template <class Handler>
  void async_accept_tls(asio::ssl::context& context, Handler&& handler) {
    tls_ = std::make_unique<Tls>(*tcp_, context);
    tls_->async_handshake(asio::ssl::stream_base::server, std::forward<Handler>(handler));
  }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) return tls_->async_read_some(buffers, std::forward<Handler>(handler));
    tcp_->async_read_some(buffers, std::forward<Handler>(handler));
  }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) return tls_->async_write_some(buffers, std::forward<Handler>(handler));
    tcp_->async_write_some(buffers, std::forward<Handler>(handler));
  }

 private:
  std::unique_ptr<tcp::socket> tcp_;
  std::unique_ptr<Tls> tls_;
};

// Says that nothing more will come, then reads and forgets until the client has closed too: closing
// while its bytes are unread would reset the connection and take back the last words. Who starts it
// sets the time limit; closing the socket ends it.
class Farewell {
 public:
  explicit Farewell(Socket& socket) : socket_(socket) {}

  template <class Self>
  void operator()(Self& self, error_code ec = {}) {
    error_code ignored;
    tcp::socket& below = socket_.next_layer();
    switch (step_) {
      case Step::tls:
        step_ = Step::half_close;
        if (socket_.is_tls()) return socket_.tls().async_shutdown(std::move(self));
        [[fallthrough]];
      case Step::half_close:
        step_ = Step::drain;
        below.shutdown(tcp::socket::shutdown_send, ec);
        below.non_blocking(true, ignored);
        break;
      case Step::drain: {
        std::array<char, 16 * 1024> unread;
        if (!ec) below.read_some(asio::buffer(unread), ec);
        break;
      }
    }
    if (ec && ec != asio::error::would_block) {
      below.close(ignored);
      return self.complete(ec == asio::error::eof ? error_code{} : ec);
    }
    // One read a turn: whoever sends without end delays nobody.
    below.async_wait(tcp::socket::wait_read, std::move(self));
  }

 private:
  enum class Step { tls, half_close, drain };
  Socket& socket_;
  Step step_ = Step::tls;
};

template <class Handler>
void async_farewell(Socket& socket, Handler&& handler) {
  std::decay_t<Handler> done(std::forward<Handler>(handler));
  asio::async_compose<std::decay_t<Handler>, void(error_code)>(Farewell(socket), done,
                                                               socket.next_layer());
}

template <class Handler>
void async_teardown(beast::role_type, Socket& socket, Handler&& handler) {
  async_farewell(socket, std::forward<Handler>(handler));
}

}  // namespace hearth::server

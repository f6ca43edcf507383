#include "server/net/server.h"

#include <utility>

#include <spdlog/spdlog.h>

#include "server/api/errors.h"
#include "server/net/event_loop_impl.h"
#include "server/net/http_response.h"
#include "server/net/server_core.h"

namespace hearth::server {
namespace {

constexpr int kBacklog = 4096;
constexpr Milliseconds kLeaving{250};
constexpr int kLeavingMax = 64;

// Small frames go out at once, and unsent text waits in Hearth's outbox, where it can be merged,
// not in the kernel's buffer.
void tune(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::send_buffer_size(64 * 1024), ignored);
  socket.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>(16 * 1024),
                    ignored);
  socket.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>(30'000),
                    ignored);
}

std::string plain_address(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

}  // namespace

struct Server::Impl {
  Impl(EventLoop& loop, ServerOptions wanted, Router router, Gate& gate, ChatService& service,
       RandomBytes random)
      : options(std::move(wanted)),
        core(new ServerCore{loop.impl().context,
                            options.limits,
                            options.frames,
                            std::move(router),
                            gate,
                            service,
                            std::move(random),
                            nullptr,
                            options.hsts,
                            ConnectionCaps(options.limits, system_clock()),
                            {},
                            0,
                            0,
                            false}),
        acceptor(core->context),
        retry(core->context) {}

  void accept() {
    acceptor.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec == asio::error::operation_aborted || !acceptor.is_open()) return;
      if (ec) {  // out of file descriptors or memory: wait for some to come back instead of
                 // spinning
        spdlog::warn("a connection could not be accepted: {}", ec.message());
        retry.expires_after(Milliseconds(100));
        retry.async_wait([this](error_code aborted) {
          if (!aborted) accept();
        });
        return;
      }
      accept();  // first: whatever becomes of this one, others come
      welcome(std::move(socket));
    });
  }

  void welcome(tcp::socket socket) {
    error_code ec;
    const tcp::endpoint remote = socket.remote_endpoint(ec);
    if (ec) return;  // gone already
    const std::string peer = address_group(plain_address(remote.address()));
    std::unique_ptr<ConnectionCaps::Permit> permit = core->caps.enter(peer);
    const bool is_full = core->service.admission().overload_level() >= 3;
    if (!permit || (is_full && !options.is_for_operator)) return turn_away(std::move(socket));
    tune(socket);
    const auto start = core->tls ? start_tls : start_http;
    start(Socket(std::move(socket)), peer, core, std::move(permit));
  }

  // At once, in one piece that an empty send buffer takes. Closing while the request is on its way
  // would reset the connection and take the answer back, so some are kept open for a moment.
  void turn_away(tcp::socket socket) {
    if (core->tls) return;  // who speaks TLS could not read it
    const HttpResponse full =
        error_response("", wire_error(ErrorCode::overloaded, "Too many connections are open."));
    const std::string bytes = response_head(full, {.keep_alive = false}) + full.body;
    error_code ec;
    socket.non_blocking(true, ec);
    socket.write_some(asio::buffer(bytes), ec);
    socket.shutdown(tcp::socket::shutdown_send, ec);
    if (ec || core->num_leaving >= kLeavingMax) return;
    ++core->num_leaving;
    const auto timer = std::make_shared<asio::steady_timer>(core->context, kLeaving);
    timer->async_wait(
        [core = core, timer, kept = std::move(socket)](error_code) { --core->num_leaving; });
  }

  ServerOptions options;
  std::shared_ptr<ServerCore> core;
  tcp::acceptor acceptor;
  asio::steady_timer retry;
};

Server::Server(EventLoop& loop, ServerOptions options, Router router, Gate& gate,
               ChatService& service, RandomBytes random)
    : impl_(std::make_unique<Impl>(loop, std::move(options), std::move(router), gate, service,
                                   std::move(random))) {}

Server::~Server() = default;

Result<std::uint16_t> Server::listen() {
  const std::string& host = impl_->options.host;
  const std::uint16_t port = impl_->options.port;
  error_code ec;
  const asio::ip::address address =
      asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec);
  if (ec)
    return fail(ErrorCode::io_error,
                "'" + host + "' is not an address to listen on: give an IP address or localhost.");
  if (impl_->options.certificate) {
    auto tls = make_tls_context(*impl_->options.certificate);
    if (!tls) return tl::unexpected(tls.error());
    impl_->core->tls = std::move(*tls);
  }
  const tcp::endpoint endpoint(address, port);
  tcp::acceptor& acceptor = impl_->acceptor;
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(kBacklog, ec);
  if (ec) {
    error_code ignored;
    acceptor.close(ignored);
    if (ec == asio::error::address_in_use) {
      return fail(ErrorCode::io_error,
                  "Port " + std::to_string(port) + " on " + host +
                      " is in use by another program; choose another one with --port.");
    }
    return fail(ErrorCode::io_error, "Cannot listen on " + host + ":" + std::to_string(port) +
                                         ": " + ec.message() + ".");
  }
  impl_->accept();
  return acceptor.local_endpoint(ec).port();
}

void Server::stop_accepting() {
  error_code ignored;
  impl_->acceptor.close(ignored);
  impl_->core->is_draining = true;
  const std::unordered_set<Closable*> open = impl_->core->open;
  for (Closable* connection : open) connection->drain();
}

void Server::close_all() {
  const std::unordered_set<Closable*> open = impl_->core->open;
  for (Closable* connection : open) {
    if (impl_->core->open.contains(connection)) connection->cut();
  }
}

std::size_t Server::open_connections() const { return impl_->core->caps.open(); }

std::size_t Server::connections_max() const { return impl_->core->caps.open_max(); }

}  // namespace hearth::server

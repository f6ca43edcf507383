// A WebSocket that carries a session::Connection: frames in, frames out, one write in flight, and
// an end that always comes.
//
// permessage-deflate stays off (reliability §0, findings 1 and 4). Old Beast has no time limit on a
// closing handshake (finding 3); it gets one here. Merging of deltas happens in the Connection's
// outbox: the less the kernel takes, the more is merged.
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include "server/net/http_response.h"
#include "server/net/request_rules.h"
#include "server/net/server_core.h"
#include "server/session/connection.h"

namespace hearth::server {
namespace {

constexpr std::size_t kKeptBytes = 64 * 1024;

class WsConnection final : public Closable, public std::enable_shared_from_this<WsConnection> {
 public:
  WsConnection(Socket socket, std::shared_ptr<ServerCore> core,
               std::unique_ptr<ConnectionCaps::Permit> permit)
      : core_(std::move(core)),
        permit_(std::move(permit)),
        stream_(std::move(socket)),
        deadline_(core_->context) {
    core_->open.insert(this);
  }
  // Whatever let go of it last, the service hears of it.
  ~WsConnection() override {
    if (session_ && !is_gone_) session_->on_closed();
    core_->open.erase(this);
  }
  WsConnection(const WsConnection&) = delete;
  WsConnection& operator=(const WsConnection&) = delete;

  void accept(const HttpRequest& request, std::optional<User> user);

  void drain() override {}  // the service tells its clients, and closes them when all is stored
  void cut() override {
    error_code ignored;
    deadline_.cancel();
    beast::get_lowest_layer(stream_).close(ignored);
  }

 private:
  void configure(bool has_protocol, const std::string& request_id);
  void accepted(std::optional<User> user, std::string peer);
  template <class Work>
  void guarded(Work work);
  void limit_frames();
  void read();
  void receive();
  void on_frame(error_code ec);
  void wake();
  void pump();
  void start_close(websocket::close_reason reason);
  void limit_closing();
  void gone();

  std::shared_ptr<ServerCore> core_;
  std::unique_ptr<ConnectionCaps::Permit> permit_;
  websocket::stream<Socket> stream_;
  asio::steady_timer deadline_;
  beast::flat_buffer buffer_;
  http::request<http::empty_body> handshake_;
  std::shared_ptr<Connection> session_;
  std::string out_;
  bool is_writing_ = false;
  bool is_pump_posted_ = false;
  bool is_closing_ = false;
  bool is_gone_ = false;
};

void WsConnection::configure(bool has_protocol, const std::string& request_id) {
  websocket::stream_base::timeout timeouts{};
  timeouts.handshake_timeout = core_->limits.ws_handshake;
  timeouts.idle_timeout = core_->limits.ws_idle;
  timeouts.keep_alive_pings = true;
  stream_.set_option(timeouts);
  stream_.auto_fragment(false);
  stream_.text(true);
  stream_.set_option(websocket::stream_base::decorator(
      [has_protocol, request_id](websocket::response_type& response) {
        for (const HttpHeader& header : security_headers()) response.set(header.name, header.value);
        response.set("x-request-id", request_id);
        response.erase(http::field::server);
        if (has_protocol)
          response.set(http::field::sec_websocket_protocol, std::string(kSubProtocol));
      }));
}

void WsConnection::accept(const HttpRequest& request, std::optional<User> user) {
  handshake_.method(http::verb::get);
  handshake_.version(11);
  handshake_.target("/ws");
  for (const HttpHeader& header : request.headers) handshake_.insert(header.name, header.value);
  configure(request.header("sec-websocket-protocol").has_value(), request.id);
  stream_.async_accept(handshake_, [self = shared_from_this(), user = std::move(user),
                                    peer = request.peer](error_code ec) mutable {
    if (ec) return self->cut();
    self->accepted(std::move(user), std::move(peer));
  });
}

void WsConnection::accepted(std::optional<User> user, std::string peer) {
  handshake_ = {};
  stream_.control_callback([weak = weak_from_this()](websocket::frame_type kind, const auto&) {
    const auto self = weak.lock();
    if (kind == websocket::frame_type::close && self && !self->is_closing_) self->limit_closing();
  });
  const auto wake = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->wake();
  };
  session_ =
      core_->service.connect({.user = std::move(user), .wake = wake, .peer = std::move(peer)});
  limit_frames();
  read();
  this->wake();  // it may already want to close
}

void WsConnection::limit_frames() {
  const ConnectionLimits& frames = core_->frames;
  stream_.read_message_max(session_->is_ready() ? frames.frame_bytes
                                                : frames.frame_bytes_before_ready);
}

void WsConnection::read() {
  stream_.async_read(
      buffer_, [self = shared_from_this()](error_code ec, std::size_t) { self->on_frame(ec); });
}

// A fault of ours ends this socket and no other, and says so.
template <class Work>
void WsConnection::guarded(Work work) {
  try {
    work();
  } catch (const std::exception& failure) {
    spdlog::error("a WebSocket failed: {}", failure.what());
    start_close({websocket::close_code::internal_error, "the server failed on this message"});
  }
}

void WsConnection::on_frame(error_code ec) {
  if (ec) return gone();
  guarded([this] { receive(); });
  buffer_.consume(buffer_.size());
  if (buffer_.capacity() > kKeptBytes)
    buffer_.shrink_to_fit();  // one long paste is no reason to keep 1 MiB
  read();                     // also while closing: the peer's answer comes through here
}

void WsConnection::receive() {
  if (is_closing_) return;
  if (stream_.got_binary()) {
    return start_close(
        {websocket::close_code::unknown_data, "only text frames are understood here"});
  }
  const auto bytes = buffer_.cdata();
  session_->on_text({static_cast<const char*>(bytes.data()), bytes.size()});
}

// May be called inside any call into the service.
void WsConnection::wake() {
  if (is_pump_posted_ || is_gone_) return;
  is_pump_posted_ = true;
  asio::post(core_->context, [self = shared_from_this()] {
    self->is_pump_posted_ = false;
    self->guarded([&] { self->pump(); });
  });
}

void WsConnection::pump() {
  if (is_gone_ || is_closing_) return;
  // Before the first byte of `ready` goes out: who has read it may send a long frame.
  limit_frames();
  const std::optional<Close>& close = session_->wants_close();
  if (close && (close->at_once || !is_writing_)) {
    std::optional<std::string> last;
    if (!close->at_once) last = session_->take_frame();
    if (!last) return start_close({static_cast<websocket::close_code>(close->code), close->reason});
    out_ = std::move(*last);
  } else {
    if (is_writing_) return;
    std::optional<std::string> frame = session_->take_frame();
    if (!frame) return;
    out_ = std::move(*frame);
  }
  is_writing_ = true;
  stream_.async_write(asio::buffer(out_), [self = shared_from_this()](error_code ec, std::size_t) {
    self->is_writing_ = false;
    std::string().swap(self->out_);  // an assignment would keep the memory, which nobody counts
    if (!ec) self->guarded([&] { self->pump(); });  // a failure shows in the read as well
  });
}

// A closing handshake, whoever began it, has ws_close to end; a write in flight that nobody takes
// counts as no answer.
void WsConnection::limit_closing() {
  deadline_.expires_after(core_->limits.ws_close);
  deadline_.async_wait([weak = weak_from_this()](error_code ec) {
    const auto self = weak.lock();
    if (!ec && self) self->cut();
  });
}

void WsConnection::start_close(websocket::close_reason reason) {
  if (is_closing_ || is_gone_) return;
  is_closing_ = true;
  limit_closing();
  stream_.async_close(reason, [self = shared_from_this()](error_code) { self->gone(); });
}

void WsConnection::gone() {
  if (is_gone_) return;
  is_gone_ = true;
  session_->on_closed();
  // Beast has closed the TCP connection after a closing handshake or an error of its own; a peer
  // that vanished leaves it open.
  cut();
}

}  // namespace

std::optional<std::string> check_upgrade(const HttpRequest& request) {
  if (!has_token(request.header("connection").value_or(""), "upgrade") ||
      !has_token(request.header("upgrade").value_or(""), "websocket")) {
    return "This path speaks WebSocket: the request needs Connection: Upgrade and Upgrade: "
           "websocket.";
  }
  if (request.header("sec-websocket-version").value_or("") != "13")
    return "Only version 13 of WebSocket is spoken here.";
  if (request.header("sec-websocket-key").value_or("").size() != 24)
    return "Sec-WebSocket-Key must be 16 bytes in base64.";
  const auto protocol = request.header("sec-websocket-protocol");
  if (protocol && !has_token(*protocol, kSubProtocol))
    return "The only sub-protocol spoken here is " + std::string(kSubProtocol) + ".";
  return std::nullopt;
}

void start_websocket(Socket socket, std::shared_ptr<ServerCore> core,
                     std::unique_ptr<ConnectionCaps::Permit> permit, const HttpRequest& request,
                     std::optional<User> user) {
  std::make_shared<WsConnection>(std::move(socket), std::move(core), std::move(permit))
      ->accept(request, std::move(user));
}

}  // namespace hearth::server

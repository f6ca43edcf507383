// Reading: from the first byte of a head to the handler's call.
#include "server/net/http_connection.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <exception>
#include <limits>
#include <utility>

#include <spdlog/spdlog.h>

#include "server/api/errors.h"

namespace hearth::server {
namespace {

// Not the client's fault in grammar: it went, or the deadline passed.
bool is_gone(error_code ec) {
  static const error_code kParseError = http::make_error_code(http::error::bad_method);
  return ec && (ec.category() != kParseError.category() || ec == http::error::end_of_stream ||
                ec == http::error::partial_message);
}

}  // namespace

void HttpConnection::arm(Milliseconds delay) {
  deadline_.expires_after(delay);
  deadline_.async_wait([weak = weak_from_this()](error_code ec) {
    const auto self = weak.lock();
    if (!ec && self && self->deadline_.expiry() <= asio::steady_timer::clock_type::now())
      self->cut();
  });
}

void HttpConnection::next_request() {
  request_.reset();
  parser_.reset();
  if (buffer_.size() > 0) return read_head(core_->limits.header_within);
  phase_ = Phase::idle;
  arm(core_->limits.idle);
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code ec) {
    if (!ec && self->phase_ == Phase::idle) self->read_head(self->core_->limits.header_within);
  });
}

void HttpConnection::read_head(Milliseconds within) {
  phase_ = Phase::reading;
  arm(within);
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(core_->limits.header_bytes));
  // The body's limit is set when the route is known; nothing of it is read before. (boost::none
  // refuses every Content-Length in Beast 1.74.)
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
  http::async_read_header(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](error_code ec, std::size_t) { self->on_head(ec); });
}

void HttpConnection::on_head(error_code ec) {
  if (is_gone(ec)) return cut();
  fill_request();
  ++request_number_;
  keep_alive_ = false;
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
    return refuse(wire_error(ErrorCode::message_too_large,
                             "The header may have at most " +
                                 std::to_string(core_->limits.header_bytes) + " bytes."),
                  431);
  }
  if (ec)
    return refuse(wire_error(ErrorCode::invalid_message, "This is not an HTTP/1.1 request."), 400);
  judge();
}

void HttpConnection::fill_request() {
  facts_ = HeadFacts{};
  request_ = std::make_shared<HttpRequest>();
  request_->peer = peer_;
  std::array<std::uint8_t, 8> id{};
  core_->random(id);
  request_->id = to_hex(id);
  const auto& message = parser_->get();
  request_->method = std::string(message.method_string());
  for (const auto& field : message) {
    HttpHeader header{std::string(field.name_string()), std::string(field.value())};
    std::transform(header.name.begin(), header.name.end(), header.name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request_->headers.push_back(std::move(header));
  }
}

// Everything that can be decided from the head, before a byte of the body is read.
void HttpConnection::judge() {
  const auto& message = parser_->get();
  const std::optional<Target> target =
      parse_target(std::string_view(message.target().data(), message.target().size()));
  if (!target)
    return refuse(wire_error(ErrorCode::invalid_message,
                             "The request target is not an absolute path of at most 2 KiB."),
                  400);
  request_->path = target->path;
  request_->query = target->query;
  if (const auto refusal = check_head(*request_, static_cast<int>(message.version()), facts_))
    return refuse(refusal->error, refusal->status);
  keep_alive_ = facts_.keep_alive && !core_->is_draining;

  Router::Match match = core_->router.find(request_->method, request_->path);
  const Access access = match.route ? match.route->access : Access::open;
  if (const auto refusal = core_->gate.refuse(*request_, access)) return refuse(*refusal, 0);
  const bool is_preflight =
      request_->method == "OPTIONS" && match.is_known_path && !core_->gate.cors(*request_).empty();
  if (is_preflight && !facts_.has_body) {
    return respond({204,
                    "text/plain",
                    {{"access-control-allow-methods", match.allow},
                     {"access-control-allow-headers", "authorization, content-type"},
                     {"access-control-max-age", "600"}},
                    {}});
  }
  if (!match.route && match.is_known_path) {
    return refuse(wire_error(ErrorCode::method_not_allowed, "This path takes " + match.allow + "."),
                  0, {{"allow", match.allow}});
  }
  if (!match.route)
    return refuse(wire_error(ErrorCode::not_found, "There is nothing at this path."), 0);
  route_ = match.route;
  request_->tail = std::move(match.tail);
  if (access == Access::socket) return upgrade();
  if (facts_.has_body || route_->body_bytes_max > 0) {
    if (const auto refusal = check_body(*request_, facts_, route_->body_bytes_max))
      return refuse(refusal->error, refusal->status);
  }
  identify();
}

void HttpConnection::upgrade() {
  keep_alive_ = false;  // a refused upgrade closes
  if (const auto problem = check_upgrade(*request_)) {
    const bool is_plain = !facts_.wants_upgrade;
    return refuse(wire_error(ErrorCode::invalid_message, *problem), is_plain ? 426 : 400,
                  {{"upgrade", "websocket"}});
  }
  if (buffer_.size() > 0)
    return refuse(wire_error(ErrorCode::invalid_message,
                             "Bytes came behind the upgrade before it was answered."),
                  400);
  phase_ = Phase::handling;
  core_->gate.identify_socket(*request_, [self = shared_from_this()](std::optional<User> user) {
    if (!self->socket_.is_open()) return;
    self->disarm();
    self->phase_ = Phase::lingering;
    start_websocket(std::move(self->socket_), self->core_, std::move(self->permit_),
                    *self->request_, std::move(user));
  });
}

void HttpConnection::identify() {
  if (route_->access != Access::user) return read_body();
  phase_ = Phase::handling;
  core_->gate.identify(*request_, [self = shared_from_this()](Result<User> user) {
    if (!self->socket_.is_open()) return;
    if (!user) return self->refuse(WireError::of(user.error()), 0);
    self->request_->user = std::move(*user);
    self->read_body();
  });
}

void HttpConnection::read_body() {
  if (!facts_.has_body) return handle();
  phase_ = Phase::reading;
  arm(core_->limits.body_within);
  parser_->body_limit(route_->body_bytes_max);
  parser_->eager(true);
  budget_ = route_->body_bytes_max + kReadBufferBytes;
  if (facts_.expects_continue) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.write_some(asio::buffer(kContinue.data(), kContinue.size()),
                       ignored);  // 25 bytes into an empty send buffer
  }
  on_body({}, 0);
}

void HttpConnection::on_body(error_code ec, std::size_t bytes) {
  if (ec == http::error::body_limit || bytes > budget_) {
    return refuse(
        wire_error(ErrorCode::message_too_large,
                   "The body has more than " + std::to_string(route_->body_bytes_max) + " bytes."),
        413);
  }
  if (is_gone(ec)) return cut();
  if (ec)
    return refuse(
        wire_error(ErrorCode::invalid_message, "The body is not framed as HTTP/1.1 says."), 400);
  budget_ -= bytes;
  if (parser_->is_done()) {
    request_->body = std::move(parser_->get().body());
    return handle();
  }
  http::async_read_some(socket_, buffer_, *parser_,
                        [self = shared_from_this()](error_code failure, std::size_t read) {
                          self->on_body(failure, read);
                        });
}

void HttpConnection::handle() {
  phase_ = Phase::handling;
  disarm();
  const auto exchange = std::make_shared<Exchange>(shared_from_this());
  exchange_ = exchange;
  try {
    route_->handler(request_, exchange);
  } catch (const std::exception& failure) {
    spdlog::error("request {} failed: {}", request_->id, failure.what());
    exchange->send(error_response(
        request_->path, wire_error(ErrorCode::internal, "The server failed on this request.")));
  }
  if (phase_ == Phase::handling || phase_ == Phase::streaming) watch_client();
}

// While a handler works nothing is read; but the end of the client's side is noticed, for its work
// is then in vain.
void HttpConnection::watch_client() {
  socket_.async_wait(tcp::socket::wait_read,
                     [self = shared_from_this(), number = request_number_](error_code ec) {
                       if (ec || self->request_number_ != number ||
                           (self->phase_ != Phase::handling && self->phase_ != Phase::streaming))
                         return;
                       error_code failure;
                       if (self->socket_.available(failure) == 0 || failure) self->cut();
                       // Otherwise a next request is waiting already: its bytes hide the end from
                       // us, and a failing write will tell.
                     });
}

void start_http(tcp::socket socket, std::string peer, std::shared_ptr<ServerCore> core,
                std::unique_ptr<ConnectionCaps::Permit> permit) {
  std::make_shared<HttpConnection>(std::move(socket), std::move(peer), std::move(core),
                                   std::move(permit))
      ->start();
}

}  // namespace hearth::server

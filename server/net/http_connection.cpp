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
#include "server/net/origin_check.h"
#include "server/session/strict_json.h"

namespace hearth::server {
namespace {

constexpr std::size_t kIdleReadBytes = 1024;  // what a connection holds that waits

}  // namespace

void HttpConnection::arm(Milliseconds delay) {
  deadline_.expires_after(delay);
  deadline_.async_wait([weak = weak_from_this()](error_code ec) {
    const auto self = weak.lock();
    if (!ec && self && self->deadline_.expiry() <= asio::steady_timer::clock_type::now())
      self->cut();
  });
}

// Reads what comes next. Bytes that nobody wants yet wait in input_, and when that is full nothing
// more is read: then a failing write has to tell that the client went.
void HttpConnection::listen() {
  if (is_listening_ || !socket_.is_open()) return;
  const std::size_t room = kReadBufferBytes - input_.size();
  if (room == 0 || phase_ == Phase::lingering) return;
  is_listening_ = true;
  incoming_ = std::vector<char>(phase_ == Phase::reading ? room : std::min(room, kIdleReadBytes));
  socket_.async_read_some(asio::buffer(incoming_),
                          [self = shared_from_this()](error_code ec, std::size_t bytes) {
                            self->is_listening_ = false;
                            self->heard(ec, bytes);
                          });
}

void HttpConnection::heard(error_code ec, std::size_t bytes) {
  const bool is_ending = phase_ == Phase::responding || phase_ == Phase::lingering;
  if (ec && is_ending) return;  // the answer goes out all the same
  if (ec) return cut();
  input_.append(incoming_.data(), bytes);
  switch (phase_) {
    case Phase::idle:
      return read_head();
    case Phase::reading:
      return is_in_body_ ? go_on_with_body() : go_on_with_head();
    default:
      return listen();
  }
}

// need_more: all of input_ that can be parsed was.
error_code HttpConnection::feed_parser() {
  error_code ec = http::error::need_more;
  if (input_.empty()) return ec;
  ec = {};
  const std::size_t used = parser_->put(asio::buffer(input_), ec);
  input_.erase(0, used);
  if (is_in_body_) {
    if (used > budget_) return http::error::body_limit;
    budget_ -= used;
    body_bytes_ += used;
  } else {
    head_bytes_ += used;
  }
  if (ec == http::error::need_more && input_.size() >= kReadBufferBytes)
    return http::error::buffer_overflow;
  return ec;
}

void HttpConnection::next_request() {
  request_.reset();
  large_body_.reset();
  parser_.reset();
  is_in_body_ = false;
  if (!input_.empty()) return read_head();
  phase_ = Phase::idle;
  input_.shrink_to_fit();
  if (!is_listening_) incoming_ = std::vector<char>();
  const bool is_scarce = core_->service.admission().overload_level() >= 1;
  arm(is_scarce ? core_->limits.idle_overloaded : core_->limits.idle);
  listen();
}

void HttpConnection::read_head() {
  phase_ = Phase::reading;
  arm(core_->limits.header_within);
  head_bytes_ = 0;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(core_->limits.header_bytes));
  // The body's limit is set when the route is known; nothing of it is parsed before. (boost::none
  // refuses every Content-Length in Beast 1.74.)
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
  go_on_with_head();
}

void HttpConnection::go_on_with_head() {
  error_code ec = feed_parser();
  // Old Beast holds its limit only against heads that come in parts.
  if (head_bytes_ > core_->limits.header_bytes) ec = http::error::header_limit;
  if (ec == http::error::need_more) return listen();
  on_head(ec);
}

void HttpConnection::on_head(error_code ec) {
  fill_request();
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
      parse_target(std::string_view(message.target().data(), message.target().size()),
                   core_->limits.target_bytes);
  if (!target)
    return refuse(wire_error(ErrorCode::invalid_message,
                             "The request target is not an absolute path of at most " +
                                 std::to_string(core_->limits.target_bytes) + " bytes."),
                  400);
  request_->path = target->path;
  request_->query = target->query;
  if (const auto refusal = check_head(*request_, static_cast<int>(message.version()), facts_,
                                      core_->limits.header_fields))
    return refuse(refusal->error, refusal->status);
  keep_alive_ = facts_.keep_alive && !core_->is_draining;

  Router::Match match = core_->router.find(request_->method, request_->path);
  const Access access = match.route ? match.route->access : Access::open;
  if (const auto refusal = core_->gate.refuse(*request_, access)) return refuse(*refusal, 0);
  if (core_->tls && !socket_.is_tls()) return point_to_https();
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

// Plain HTTP where TLS is spoken: a browser is sent on, a program is told. What it sent in the open
// is answered with nothing else.
void HttpConnection::point_to_https() {
  keep_alive_ = false;
  std::string url = "https://";
  url.append(request_->header("host").value_or("")).append(request_->path);
  if (!request_->query.empty()) url.append("?").append(request_->query);
  const bool is_page = request_->method == "GET" && !facts_.wants_upgrade && !facts_.has_body;
  if (is_page) return respond({308, "text/plain", {{"location", url}}, "Go to " + url + "\n"});
  refuse(wire_error(ErrorCode::invalid_message, "This port speaks HTTPS only: use " + url + "."),
         400);
}

void HttpConnection::upgrade() {
  keep_alive_ = false;  // a refused upgrade closes
  if (const auto problem = check_upgrade(*request_)) {
    const bool is_plain = !facts_.wants_upgrade;
    return refuse(wire_error(ErrorCode::invalid_message, *problem), is_plain ? 426 : 400,
                  {{"upgrade", "websocket"}});
  }
  // A read that is out would take the WebSocket's first bytes; it is one of the request before.
  if (!input_.empty() || is_listening_)
    return refuse(wire_error(ErrorCode::invalid_message,
                             "An upgrade may neither follow nor precede anything unanswered."),
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
    self->request_->user->peer = self->peer_;
    self->read_body();
  });
}

bool HttpConnection::may_be_large() const {
  return std::min(facts_.content_length.value_or(SIZE_MAX), route_->body_bytes_max) >
         LargeBody::kSmallBytes;
}

void HttpConnection::read_body() {
  if (!facts_.has_body) return handle();
  if (may_be_large() && !(large_body_ = LargeBody::take(core_))) {
    WireError error = wire_error(ErrorCode::busy, "As many large bodies are being read as can be.");
    error.retry_after_ms = 2000;
    return refuse(error, 0);
  }
  phase_ = Phase::reading;
  is_in_body_ = true;
  parser_->body_limit(route_->body_bytes_max);
  parser_->eager(true);
  budget_ = route_->body_bytes_max + kReadBufferBytes;
  body_bytes_ = 0;
  body_begun_ = std::chrono::steady_clock::now();
  if (!facts_.expects_continue) return go_on_with_body();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  phase_ = Phase::handling;  // what comes meanwhile waits
  arm(core_->limits.stalled);
  socket_.async_write_some(asio::buffer(kContinue.data(), kContinue.size()),
                           [self = shared_from_this()](error_code ec, std::size_t) {
                             if (ec) return self->cut();
                             self->phase_ = Phase::reading;
                             self->go_on_with_body();
                           });
}

// The deadline moves with what came: a slow phone may send a long body, a dripping one may not.
void HttpConnection::go_on_with_body() {
  error_code ec;
  while (!ec && !parser_->is_done()) ec = feed_parser();
  if (ec == http::error::need_more) {
    const NetLimits& limits = core_->limits;
    const std::size_t earned_s = body_bytes_ / limits.body_bytes_per_s;
    const auto until = body_begun_ + limits.body_within + std::chrono::seconds(earned_s);
    arm(std::chrono::duration_cast<Milliseconds>(until - std::chrono::steady_clock::now()));
    return listen();
  }
  if (ec == http::error::body_limit) {
    return refuse(
        wire_error(ErrorCode::message_too_large,
                   "The body has more than " + std::to_string(route_->body_bytes_max) + " bytes."),
        413);
  }
  if (ec)
    return refuse(
        wire_error(ErrorCode::invalid_message, "The body is not framed as HTTP/1.1 says."), 400);
  request_->body = std::move(parser_->get().body());
  handle();
}

void HttpConnection::handle() {
  phase_ = Phase::handling;
  disarm();
  if (is_nested_deeper(request_->body, core_->frames.json_depth))
    return refuse(wire_error(ErrorCode::invalid_json, "The JSON is nested too deeply."), 0);
  const auto exchange = std::make_shared<Exchange>(shared_from_this());
  exchange_ = exchange;
  try {
    route_->handler(request_, exchange);
  } catch (const std::exception& failure) {
    spdlog::error("request {} failed: {}", request_->id, failure.what());
    exchange->send(error_response(
        request_->path, wire_error(ErrorCode::internal, "The server failed on this request.")));
  }
  if (phase_ == Phase::handling || phase_ == Phase::streaming) listen();
}

void start_http(Socket socket, std::string peer, std::shared_ptr<ServerCore> core,
                std::unique_ptr<ConnectionCaps::Permit> permit) {
  std::make_shared<HttpConnection>(std::move(socket), std::move(peer), std::move(core),
                                   std::move(permit))
      ->start();
}

}  // namespace hearth::server

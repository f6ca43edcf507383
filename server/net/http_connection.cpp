// One socket that speaks HTTP/1.1: read a head, judge it, find out who asks, read the body, call
// the handler, write its answer; then the next request. At every moment exactly one of these is
// going on, under one deadline.
//
// Bounds that Beast 1.74 does not keep are kept here: bytes per request including chunk headers and
// trailers (budget_), and time for each phase (arm). Nothing here blocks, and a client that does
// not read costs one chunk (ResponseWriter::is_writing).
#include <algorithm>
#include <cctype>
#include <exception>
#include <limits>
#include <utility>

#include <spdlog/spdlog.h>

#include "server/api/errors.h"
#include "server/net/http_response.h"
#include "server/net/request_rules.h"
#include "server/net/server_core.h"

namespace hearth::server {
namespace {

constexpr std::size_t kReadBufferBytes = 16 * 1024;
constexpr std::size_t kLingerBytes = 4 * 1024 * 1024;

// Not the client's fault in grammar: it went, or the deadline passed.
bool is_gone(error_code ec) {
  static const error_code kParseError = http::make_error_code(http::error::bad_method);
  return ec && (ec.category() != kParseError.category() || ec == http::error::end_of_stream ||
                ec == http::error::partial_message);
}

class HttpConnection;

// The answer to one request. Lives as long as its handler holds it, or the request is answered.
class Exchange final : public ResponseWriter {
 public:
  explicit Exchange(std::shared_ptr<HttpConnection> connection)
      : connection_(std::move(connection)) {}
  ~Exchange() override;

  void send(HttpResponse response) override;
  void begin(HttpResponse head) override;
  void write(std::string chunk) override;
  void end() override;
  bool is_writing() const override;
  void on_written(std::function<void()> callback) override { written_ = std::move(callback); }
  void on_gone(std::function<void()> callback) override { gone_ = std::move(callback); }

  void written() {
    if (written_) written_();
  }
  void gone() {
    connection_ = nullptr;
    written_ = nullptr;
    if (const auto callback = std::exchange(gone_, nullptr)) callback();
  }

 private:
  std::shared_ptr<HttpConnection> finish();

  std::shared_ptr<HttpConnection> connection_;  // null when nothing more can be said
  std::function<void()> written_;
  std::function<void()> gone_;
};

class HttpConnection final : public Closable, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(tcp::socket socket, std::string peer, std::shared_ptr<ServerCore> core,
                 std::unique_ptr<ConnectionCaps::Permit> permit)
      : core_(std::move(core)),
        permit_(std::move(permit)),
        socket_(std::move(socket)),
        deadline_(core_->context),
        buffer_(kReadBufferBytes),
        peer_(std::move(peer)) {
    core_->open.insert(this);
  }
  ~HttpConnection() override { core_->open.erase(this); }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void start() { read_head(core_->limits.header_within); }

  void drain() override {
    if (phase_ == Phase::idle) cut();
  }
  void cut() override {
    error_code ignored;
    disarm();
    socket_.close(ignored);
    if (const auto exchange = exchange_.lock()) {
      exchange_.reset();
      exchange->gone();
    }
  }

  // --- called by Exchange
  void respond(HttpResponse response);
  void begin_stream(HttpResponse head);
  void write_chunk(std::string_view data);
  void end_stream();
  bool is_writing() const { return !out_.empty(); }

 private:
  enum class Phase { idle, reading, handling, streaming, responding, lingering };

  void arm(Milliseconds delay);
  void disarm() { deadline_.expires_at(asio::steady_timer::time_point::max()); }
  void next_request();
  void read_head(Milliseconds within);
  void on_head(error_code ec);
  void fill_request();
  void judge();
  void upgrade();
  void identify();
  void read_body();
  void on_body(error_code ec, std::size_t bytes);
  void handle();
  void watch_client();
  void refuse(const WireError& error, int status, std::vector<HttpHeader> headers = {});
  void log_answer(int status) const;
  void put(std::string bytes);
  void write_more();
  void all_written();
  void linger();
  void discard(std::size_t left);

  std::shared_ptr<ServerCore> core_;
  std::unique_ptr<ConnectionCaps::Permit> permit_;
  tcp::socket socket_;
  asio::steady_timer deadline_;
  beast::flat_buffer buffer_;
  std::string peer_;

  // Of the request in hand.
  std::optional<http::request_parser<http::string_body>> parser_;
  std::shared_ptr<HttpRequest> request_;
  HeadFacts facts_;
  const Route* route_ = nullptr;
  std::size_t budget_ = 0;  // bytes of body, chunk headers and trailers that may still come
  std::weak_ptr<Exchange> exchange_;
  std::uint64_t request_number_ = 0;
  bool keep_alive_ = true;
  bool is_chunked_ = false;
  Phase phase_ = Phase::reading;

  // Being written; behind it, what comes next.
  std::string out_;
  std::size_t out_done_ = 0;
  std::string out_next_;
};

// --- Exchange

Exchange::~Exchange() {
  if (connection_)
    send(error_response("/v1/", wire_error(ErrorCode::internal, "The request was given up.")));
}

std::shared_ptr<HttpConnection> Exchange::finish() {
  written_ = nullptr;
  gone_ = nullptr;
  return std::exchange(connection_, nullptr);
}

void Exchange::send(HttpResponse response) {
  if (const auto connection = finish()) connection->respond(std::move(response));
}

void Exchange::begin(HttpResponse head) {
  if (connection_) connection_->begin_stream(std::move(head));
}

void Exchange::write(std::string chunk) {
  if (connection_ && !chunk.empty()) connection_->write_chunk(chunk);
}

void Exchange::end() {
  if (const auto connection = finish()) connection->end_stream();
}

bool Exchange::is_writing() const { return connection_ && connection_->is_writing(); }

// --- reading

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

// --- writing

void HttpConnection::refuse(const WireError& error, int status, std::vector<HttpHeader> headers) {
  if (facts_.has_body) keep_alive_ = false;
  HttpResponse response = error_response(request_ ? request_->path : "", error, status);
  for (HttpHeader& header : headers) response.headers.push_back(std::move(header));
  respond(std::move(response));
}

void HttpConnection::respond(HttpResponse response) {
  if (!socket_.is_open()) return;
  exchange_.reset();
  if (phase_ == Phase::streaming)
    return cut();  // the status is gone already: only a cut connection tells that it failed
  phase_ = Phase::responding;
  if (core_->is_draining) keep_alive_ = false;
  log_answer(response.status);
  for (HttpHeader& header : core_->gate.cors(*request_))
    response.headers.push_back(std::move(header));
  const bool is_head = request_->method == "HEAD";
  const bool has_body = !is_head && response.status != 304 && response.status != 204;
  const HeadOptions options{has_body ? BodyKind::whole : BodyKind::none, keep_alive_, is_head,
                            request_->id};
  std::string bytes = response_head(response, options);
  if (has_body) bytes += response.body;
  put(std::move(bytes));
}

// Method and path are printable by now (parse_target); queries, headers and bodies are never logged
//
void HttpConnection::log_answer(int status) const {
  spdlog::debug("{} {} {} {}", request_->id, request_->path.empty() ? "?" : request_->method,
                request_->path, status);
}

void HttpConnection::begin_stream(HttpResponse head) {
  if (!socket_.is_open()) return;
  phase_ = Phase::streaming;
  is_chunked_ = facts_.version == 11;
  if (!is_chunked_ || core_->is_draining) keep_alive_ = false;
  log_answer(head.status);
  for (HttpHeader& header : core_->gate.cors(*request_)) head.headers.push_back(std::move(header));
  const HeadOptions options{is_chunked_ ? BodyKind::chunked : BodyKind::until_close, keep_alive_,
                            false, request_->id};
  std::string bytes = response_head(head, options);
  if (!head.body.empty()) bytes += is_chunked_ ? chunk(head.body) : head.body;
  put(std::move(bytes));
}

void HttpConnection::write_chunk(std::string_view data) {
  if (!socket_.is_open()) return;
  put(is_chunked_ ? chunk(data) : std::string(data));
}

void HttpConnection::end_stream() {
  exchange_.reset();
  if (!socket_.is_open()) return;
  phase_ = Phase::responding;
  if (is_chunked_) return put(std::string(kLastChunk));
  if (out_.empty()) all_written();
}

void HttpConnection::put(std::string bytes) {
  if (!out_.empty()) {
    out_next_ += bytes;
    return;
  }
  out_ = std::move(bytes);
  out_done_ = 0;
  write_more();
}

void HttpConnection::write_more() {
  arm(core_->limits.stalled);
  socket_.async_write_some(asio::buffer(out_.data() + out_done_, out_.size() - out_done_),
                           [self = shared_from_this()](error_code ec, std::size_t bytes) {
                             if (ec) return self->cut();
                             self->out_done_ += bytes;
                             if (self->out_done_ < self->out_.size()) return self->write_more();
                             self->out_ = std::exchange(self->out_next_, {});
                             self->out_done_ = 0;
                             if (!self->out_.empty()) return self->write_more();
                             self->all_written();
                           });
}

void HttpConnection::all_written() {
  disarm();
  if (phase_ == Phase::streaming) {
    if (const auto exchange = exchange_.lock()) exchange->written();
    return;
  }
  if (keep_alive_ && !core_->is_draining) return next_request();
  linger();
}

// Closing while bytes of the client are unread would reset the connection and destroy the answer on
// its way.
void HttpConnection::linger() {
  phase_ = Phase::lingering;
  error_code ec;
  socket_.shutdown(tcp::socket::shutdown_send, ec);
  if (ec) return cut();
  arm(core_->limits.linger);
  discard(kLingerBytes);
}

void HttpConnection::discard(std::size_t left) {
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kReadBufferBytes),
                          [self = shared_from_this(), left](error_code ec, std::size_t bytes) {
                            if (ec || bytes >= left) return self->cut();
                            self->discard(left - bytes);
                          });
}

}  // namespace

void start_http(tcp::socket socket, std::string peer, std::shared_ptr<ServerCore> core,
                std::unique_ptr<ConnectionCaps::Permit> permit) {
  std::make_shared<HttpConnection>(std::move(socket), std::move(peer), std::move(core),
                                   std::move(permit))
      ->start();
}

}  // namespace hearth::server

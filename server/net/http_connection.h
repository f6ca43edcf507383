// One socket that speaks HTTP/1.1: read a head, judge it, find out who asks, read the body, call
// the handler, write its answer; then the next request. At every moment exactly one of these is
// going on, under one deadline.
//
// Bounds that Beast 1.74 does not keep are kept here: bytes per request including chunk headers and
// trailers (budget_), and time for each phase (arm). Nothing here blocks, and a client that does
// not read costs one chunk (ResponseWriter::is_writing).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/net/request_rules.h"
#include "server/net/server_core.h"

namespace hearth::server {

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

inline constexpr std::size_t kReadBufferBytes = 16 * 1024;

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

}  // namespace hearth::server

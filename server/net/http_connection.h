// One socket that speaks HTTP/1.1: read a head, judge it, find out who asks, read the body, call
// the handler, write its answer; then the next request. At every moment exactly one of these is
// going on, under one deadline.
//
// Bounds that Beast 1.74 does not keep are kept here: bytes per request including chunk headers and
// trailers (budget_), and time for each phase (arm). Nothing here blocks, and a client that does
// not read costs one chunk (ResponseWriter::is_writing).
//
// Beast parses what is read here (listen, heard): one read is out at all times but while a request
// is judged, so that a client that hangs up is noticed while a handler works, even when it sent
// its next request before.
#pragma once

#include <chrono>
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
    if (const auto callback = written_) callback();  // which may end this, and let go of itself
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

class HttpConnection final : public Accepted, public std::enable_shared_from_this<HttpConnection> {
 public:
  using Accepted::Accepted;

  void start() { read_head(); }

  void drain() override {
    if (phase_ == Phase::idle) cut();
  }
  void cut() override {
    disarm();
    socket_.close();
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
  void listen();
  void heard(error_code ec, std::size_t bytes);
  error_code feed_parser();
  void next_request();
  void read_head();
  void go_on_with_head();
  void on_head(error_code ec);
  void fill_request();
  void judge();
  void point_to_https();
  void upgrade();
  void identify();
  void read_body();
  bool may_be_large() const;
  void go_on_with_body();
  void handle();
  void refuse(const WireError& error, int status, std::vector<HttpHeader> headers = {});
  void log_answer(int status) const;
  void put(std::string bytes);
  void write_more();
  void all_written();
  void linger();

  std::string input_;           // read and not parsed yet, at most kReadBufferBytes
  std::vector<char> incoming_;  // where the read that is out puts its bytes
  bool is_listening_ = false;   // a read is out

  // Of the request in hand.
  std::optional<http::request_parser<http::string_body>> parser_;
  std::shared_ptr<HttpRequest> request_;
  HeadFacts facts_;
  const Route* route_ = nullptr;
  std::unique_ptr<LargeBody> large_body_;  // of its body, if that may be large
  bool is_in_body_ = false;
  std::size_t head_bytes_ = 0;  // that were parsed
  std::size_t budget_ = 0;      // bytes of body, chunk headers and trailers that may still come
  std::size_t body_bytes_ = 0;  // those that came
  std::chrono::steady_clock::time_point body_begun_;
  std::weak_ptr<Exchange> exchange_;
  bool keep_alive_ = true;
  bool is_chunked_ = false;
  Phase phase_ = Phase::reading;

  // Being written; behind it, what comes next.
  std::string out_;
  std::size_t out_done_ = 0;
  std::string out_next_;
};

}  // namespace hearth::server

// Writing: the answer of a handler, whole or in chunks, and the end of a connection.
#include <utility>

#include <spdlog/spdlog.h>

#include "server/api/errors.h"
#include "server/net/http_connection.h"
#include "server/net/http_response.h"

namespace hearth::server {

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
                            request_->id, core_->hsts && socket_.is_tls()};
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
                            false, request_->id, core_->hsts && socket_.is_tls()};
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

void HttpConnection::linger() {
  phase_ = Phase::lingering;
  arm(core_->limits.linger);
  async_farewell(socket_, [self = shared_from_this()](error_code) { self->cut(); });
}

}  // namespace hearth::server

// The bytes of one HTTP/1.1 answer, read as they come: status, type, and the body out of its
// framing (RFC 9112 §6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/error.h"

namespace hearth::engine {

// Pure. Holds at most kHeadMax bytes; the body's go through.
class HttpReader {
 public:
  static constexpr std::size_t kHeadMax = 64 * 1024;

  // Appends the body's bytes among `bytes` to `body`. Errors: io_error: this is no HTTP/1.1 answer,
  // or one whose head is too large.
  Result<void> push(std::string_view bytes, std::string& body);

  // The connection was closed. Errors: io_error: before the end of the answer.
  Result<void> close();

  bool has_head() const { return state_ != State::head; }
  bool is_done() const { return state_ == State::done; }
  int status() const { return status_; }                             // once it has a head
  const std::string& content_type() const { return content_type_; }  // the same

 private:
  enum class State { head, counted, chunk_size, chunk, chunk_end, trailer, until_close, done };

  Result<void> read_head();
  Result<void> read_field(std::string_view line);
  Result<void> read_line(std::string_view line);
  Result<void> begin_body();

  State state_ = State::head;
  std::string line_;  // the head, or a line of the chunked framing, as far as it came
  int status_ = 0;
  std::string content_type_;
  bool is_chunked_ = false;
  bool has_length_ = false;
  std::uint64_t num_left_ = 0;  // bytes of the body, or of the chunk
};

}  // namespace hearth::engine

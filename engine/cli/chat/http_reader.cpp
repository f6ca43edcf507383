#include "engine/cli/chat/http_reader.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace hearth::engine {
namespace {

tl::unexpected<Error> not_http() {
  return fail(ErrorCode::io_error, "The server's answer is not HTTP.");
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> whole_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<void> HttpReader::push(std::string_view bytes, std::string& body) {
  while (!bytes.empty() && state_ != State::done) {
    if (state_ == State::until_close) {
      body += bytes;
      return {};
    }
    if (state_ == State::counted || state_ == State::chunk) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(num_left_, bytes.size()));
      body += bytes.substr(0, count);
      bytes.remove_prefix(count);
      num_left_ -= count;
      if (num_left_ == 0) state_ = state_ == State::chunk ? State::chunk_end : State::done;
      continue;
    }
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end == std::string_view::npos ? end : end + 1);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (line_.size() > kHeadMax) return not_http();
    if (line_.empty() || line_.back() != '\n') return {};
    if (auto read = state_ == State::head ? read_head() : read_line(line_); !read) return read;
  }
  return {};
}

// The head's lines pile up until the empty one.
Result<void> HttpReader::read_head() {
  const bool is_whole = line_.ends_with("\r\n\r\n") || line_.ends_with("\n\n");
  if (!is_whole) return {};
  std::string_view rest = line_;
  bool is_first = true;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (is_first) {
      const auto status =
          line.size() >= 12 ? whole_number(line.substr(9, 3), 10) : std::optional<std::uint64_t>();
      if (!line.starts_with("HTTP/1.") || !status) return not_http();
      status_ = static_cast<int>(*status);
      is_first = false;
    } else if (!line.empty()) {
      if (auto read = read_field(line); !read) return read;
    }
  }
  line_.clear();
  return begin_body();
}

Result<void> HttpReader::read_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return not_http();
  const std::string name = lower(line.substr(0, colon));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (name == "content-type") content_type_ = lower(value);
  if (name == "transfer-encoding") is_chunked_ = lower(value).ends_with("chunked");
  if (name == "content-length") {
    const auto length = whole_number(value, 10);
    if (!length) return not_http();
    has_length_ = true;
    num_left_ = *length;
  }
  return {};
}

Result<void> HttpReader::begin_body() {
  if (status_ >= 100 && status_ < 200) {  // another head follows
    *this = HttpReader();
  } else if (is_chunked_) {
    state_ = State::chunk_size;
  } else if (has_length_) {
    state_ = num_left_ == 0 ? State::done : State::counted;
  } else {
    state_ = status_ == 204 || status_ == 304 ? State::done : State::until_close;
  }
  return {};
}

// A line of the chunked framing.
Result<void> HttpReader::read_line(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (state_ == State::chunk_end) {
    if (!line.empty()) return not_http();
    state_ = State::chunk_size;
  } else if (state_ == State::chunk_size) {
    const auto size = whole_number(trimmed(line.substr(0, line.find(';'))), 16);
    if (!size) return not_http();
    num_left_ = *size;
    state_ = num_left_ == 0 ? State::trailer : State::chunk;
  } else if (line.empty()) {
    state_ = State::done;
  }
  line_.clear();
  return {};
}

Result<void> HttpReader::close() {
  if (state_ == State::until_close) state_ = State::done;
  if (is_done()) return {};
  return fail(ErrorCode::io_error, "The server closed the connection before its answer ended.");
}

}  // namespace hearth::engine

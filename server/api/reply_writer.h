// From a GenerationSpec to the last byte of an HTTP answer, whichever API it speaks.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/api/generation.h"
#include "server/api/http.h"

namespace hearth::server {

// How one API writes replies. One for each request; knows nothing of sockets. Texts are the body's
// bytes: server-sent events, lines of JSON, or one JSON object.
class ReplyFormat {
 public:
  virtual ~ReplyFormat() = default;

  virtual std::string whole(const Generation& generation) = 0;

  // A stream: the head, everything that is known and not yet written, and the end.
  virtual std::string begin(const Generation& generation) = 0;
  virtual std::string news(const Generation& generation) = 0;
  virtual std::string end(const Generation& generation) = 0;
  virtual std::string failed(const WireError& error) = 0;
  virtual const char* stream_type() const { return "text/event-stream; charset=utf-8"; }
  virtual std::string sign_of_life() const { return ": keep-alive\n\n"; }
};

// Answers `response` in time; a client that goes away cancels its replies, one that does not read
// costs one chunk.
void write_reply(Generations& generations, std::shared_ptr<const HttpRequest> request,
                 std::shared_ptr<ResponseWriter> response, GenerationSpec spec,
                 std::unique_ptr<ReplyFormat> format, bool is_stream);

// "data: {…}\n\n"
std::string sse_event(const nlohmann::ordered_json& object);
// "event: name\ndata: {…}\n\n"
std::string sse_event(const char* name, const nlohmann::ordered_json& object);
// Bytes that are not UTF-8 become U+FFFD.
std::string dump_lossy(const nlohmann::ordered_json& object);
HttpResponse json_answer(const nlohmann::ordered_json& object);

}  // namespace hearth::server

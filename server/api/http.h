// An HTTP request and its answer as handlers see them: no sockets, no parsing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/session/user.h"

namespace hearth::server {

struct HttpHeader {
  std::string name;  // lower case
  std::string value;
};

struct HttpRequest {
  std::string method;
  std::string path;   // what the router matched; nobody parses the target a second time
  std::string query;  // behind '?', as it came
  std::string tail;   // of a prefix route: what follows the prefix, percent-decoded
  std::vector<HttpHeader> headers;
  std::string body;
  std::string peer;          // the client's address, for rate limits
  std::string id;            // x-request-id of the answer
  std::optional<User> user;  // set where the route needs one

  std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<HttpHeader> headers;  // besides the length, the type and the security headers
  std::string body;
};

// The answer to one request: either send, or begin, write…, end. Given to the handler; held by it
// as long as it has something to say. Every call and callback on the service's thread; callbacks
// never run inside a call. Calls after the client is gone do nothing.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;

  virtual void send(HttpResponse response) = 0;

  // A body of unknown length. The head's own body is written first.
  virtual void begin(HttpResponse head) = 0;
  virtual void write(std::string chunk) = 0;
  virtual void end() = 0;

  // True while something written has not been taken by the kernel. Whoever streams waits for
  // on_written instead of piling up: that is what keeps a client that does not read at the cost of
  // one chunk.
  virtual bool is_writing() const = 0;
  virtual void on_written(std::function<void()> callback) = 0;

  // Once, when the client went away before the end.
  virtual void on_gone(std::function<void()> callback) = 0;
};

using Handler = std::function<void(std::shared_ptr<const HttpRequest> request,
                                   std::shared_ptr<ResponseWriter> response)>;

}  // namespace hearth::server

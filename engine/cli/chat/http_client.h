// One request to a server and its answer, over a connection of its own. Blocking, on plain sockets.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine/base/error.h"

namespace hearth::engine {

struct ServerAddress {
  std::string host;
  std::string port;
  std::string prefix;  // of every path: "" or "/hearth"
};

// "http://host:port/prefix". Errors: usage (https and everything else).
Result<ServerAddress> parse_server_url(std::string_view url);

struct HttpCall {
  std::string method = "GET";
  std::string path;
  std::string body;   // JSON; empty: none
  std::string token;  // of Authorization: Bearer; empty: none
};

struct HttpAnswer {
  int status = 0;
  std::string body;  // of answers other than 2xx, and of all when there is no sink
};

// `sink` is given the body of a 2xx answer as it comes. Ends as `cancelled` once `interrupt_fd`
// (−1: none) is readable; nothing is read from that. Errors: io_error (nobody there, silent for
// minutes, no HTTP), message_too_large, cancelled.
Result<HttpAnswer> call_server(const ServerAddress& address, const HttpCall& call,
                               const std::function<void(std::string_view)>& sink, int interrupt_fd);

}  // namespace hearth::engine

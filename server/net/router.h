// The table of everything that is served. What is not in it is 404, whatever it looks like (R-04,
//
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/http.h"

namespace hearth::server {

enum class Access {
  open,     // anybody whose Host is allowed
  session,  // makes identities: same origin, and a join code where one is needed
  user,     // needs to know who asks
  socket,   // the WebSocket upgrade
};

struct Route {
  std::string method;  // GET also serves HEAD
  std::string path;    // exact; with a trailing '*': a prefix, the rest is the request's tail
  Access access = Access::user;
  std::size_t body_bytes_max = 0;  // 0: a body is refused
  Handler handler;                 // none for Access::socket
};

// The path and query of a request target, split once, before anything is decided. Nothing for
// targets that are not in origin form, are longer than bytes_max, or hold control characters,
// spaces, '\', '#' or non-ASCII bytes.
struct Target {
  std::string path;
  std::string query;
};
std::optional<Target> parse_target(std::string_view target, std::size_t bytes_max = 2048);

// Nothing for a malformed escape, a NUL or a control character.
std::optional<std::string> percent_decoded(std::string_view text);

// Immutable after construction.
class Router {
 public:
  explicit Router(std::vector<Route> routes);

  struct Match {
    const Route* route = nullptr;  // null: see is_known_path
    std::string tail;
    bool is_known_path = false;  // another method would have matched: 405
    std::string allow;           // then: which ones
  };
  Match find(std::string_view method, std::string_view path) const;

  std::span<const Route> routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace hearth::server

// Who may come in and who they are: Host, Origin, credentials. The transport asks before it reads a
// body.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/api/http.h"
#include "server/api/join_code.h"
#include "server/net/router.h"
#include "server/session/chat_service.h"
#include "server/session/error_body.h"

namespace hearth::server {

struct GateOptions {
  bool is_local = true;  // bound to loopback: everybody who gets here sits at this machine
  bool is_open = false;  // --open: no join code
  std::string machine_name;
  std::vector<std::string> allow_hosts;
  std::vector<std::string> allow_origins;
  std::string cookie_name;  // set when the port is known
  bool is_tls = false;
};

// Loop thread.
class Gate {
 public:
  Gate(GateOptions options, ChatService& service,
       JoinCode* join_code);  // join_code may be null; not owned

  // Host on every route; Origin wherever something can change.
  std::optional<WireError> refuse(const HttpRequest& request, Access access) const;

  // The Access-Control fields for an origin of --allow-origin; none for others.
  std::vector<HttpHeader> cors(const HttpRequest& request) const;

  // For Access::user. Errors: unauthorized, rate_limited, storage_unavailable. `done` runs later or
  // at once.
  void identify(const HttpRequest& request, std::function<void(Result<User>)> done);

  // For Access::socket: nobody is fine, hello.token may still tell.
  void identify_socket(const HttpRequest& request, std::function<void(std::optional<User>)> done);

  const std::string& cookie_name() const { return options_.cookie_name; }
  void set_join_code(JoinCode* join_code) { join_code_ = join_code; }
  void set_cookie_name(std::string name) { options_.cookie_name = std::move(name); }

  const char* scheme() const { return options_.is_tls ? "https" : "http"; }

 private:
  void admit_without_cookie(const HttpRequest& request, std::function<void(Result<User>)> done);

  GateOptions options_;
  ChatService& service_;
  JoinCode* join_code_;
};

}  // namespace hearth::server

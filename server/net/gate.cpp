#include "server/net/gate.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "server/api/cookies.h"
#include "server/api/errors.h"
#include "server/net/origin_check.h"
#include "server/session/crypto.h"

namespace hearth::server {
namespace {

// People who use the API from one address of the room share a turn; nothing of theirs is stored.
User user_of_address(const std::string& peer) {
  User user;
  user.has_row = false;
  const Sha256 hash = sha256("address " + peer);
  std::copy_n(hash.begin(), user.id.bytes.size(), user.id.bytes.begin());
  return user;
}

}  // namespace

Gate::Gate(GateOptions options, ChatService& service, JoinCode* join_code)
    : options_(std::move(options)), service_(service), join_code_(join_code) {}

std::optional<WireError> Gate::refuse(const HttpRequest& request, Access access) const {
  const std::string_view host = request.header("host").value_or("");
  if (!is_host_allowed(host, options_.machine_name, options_.allow_hosts)) {
    return wire_error(
        ErrorCode::host_not_allowed,
        "This server does not answer to that host name; --allow-host NAME makes it do so.");
  }
  const bool is_reading = request.method == "GET" || request.method == "HEAD";
  if (access != Access::socket && is_reading) return std::nullopt;
  const WireError foreign =
      wire_error(ErrorCode::origin_not_allowed, "Pages of other origins may not use this server.");
  const Origin origin =
      judge_origin(request.header("origin"), host, options_.allow_origins, scheme());
  if (origin == Origin::foreign) return foreign;
  if (origin != Origin::absent) return std::nullopt;
  const auto site = request.header("sec-fetch-site");
  if (site && *site != "same-origin" && *site != "none") return foreign;
  // A browser adds the cookie by itself, whoever asks: then it must also say who asks.
  if (!site && cookie_value(request, options_.cookie_name)) return foreign;
  return std::nullopt;
}

std::vector<HttpHeader> Gate::cors(const HttpRequest& request) const {
  const auto origin = request.header("origin");
  if (judge_origin(origin, request.header("host").value_or(""), options_.allow_origins, scheme()) !=
      Origin::listed)
    return {};
  return {{"access-control-allow-origin", std::string(*origin)}, {"vary", "Origin"}};
}

void Gate::identify(const HttpRequest& request, std::function<void(Result<User>)> done) {
  const std::optional<std::string> cookie = cookie_value(request, options_.cookie_name);
  if (!cookie || bearer_token(request)) return admit_without_cookie(request, std::move(done));
  // Shared: the answer may come after the connection is gone, but never after the loop.
  auto copy = std::make_shared<HttpRequest>(request);
  service_.authenticate(*cookie, [this, copy, done = std::move(done)](Result<User> user) {
    if (user || user.error().code != ErrorCode::unauthorized) return done(std::move(user));
    admit_without_cookie(*copy, done);
  });
}

void Gate::admit_without_cookie(const HttpRequest& request,
                                std::function<void(Result<User>)> done) {
  const std::optional<std::string> bearer = bearer_token(request);
  const bool is_key = bearer && bearer->starts_with("hk-");  // one that holds no longer is nobody
  if (options_.is_local && !is_key) return service_.local_user(std::move(done));
  if (options_.is_open && !is_key) return done(user_of_address(request.peer));
  if (!bearer)
    return done(
        fail(ErrorCode::unauthorized, "Send the room's code as Authorization: Bearer CODE."));
  const std::string peer = request.peer;
  service_.authenticate(
      *bearer, [this, peer, secret = *bearer, done = std::move(done)](Result<User> user) {
        if (user || user.error().code != ErrorCode::unauthorized || !join_code_)
          return done(std::move(user));
        switch (join_code_->check(secret, peer)) {
          case JoinCode::Verdict::right:
            return done(user_of_address(peer));
          case JoinCode::Verdict::wrong:
            return done(fail(ErrorCode::unauthorized, "This key is not known here."));
          case JoinCode::Verdict::too_many_tries:
            return done(fail(ErrorCode::rate_limited, "Too many wrong keys; wait a little."));
        }
      });
}

void Gate::identify_socket(const HttpRequest& request,
                           std::function<void(std::optional<User>)> done) {
  const auto known = [done](Result<User> user) {
    done(user ? std::optional<User>(std::move(*user)) : std::nullopt);
  };
  if (const auto bearer = bearer_token(request);
      bearer && (!options_.is_local || bearer->starts_with("hk-")))
    return service_.authenticate(*bearer, known);
  if (const auto cookie = cookie_value(request, options_.cookie_name))
    return service_.authenticate(*cookie, known);
  if (options_.is_local && !request.header("origin")) return service_.local_user(known);
  done(std::nullopt);
}

}  // namespace hearth::server

#include "server/api/session_api.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "server/api/cookies.h"
#include "server/api/errors.h"
#include "server/session/fields.h"
#include "server/session/strict_json.h"

namespace hearth::server {
namespace {

using Request = std::shared_ptr<const HttpRequest>;
using Response = std::shared_ptr<ResponseWriter>;

struct Wish {
  std::optional<std::string> code;
  std::optional<std::string> name;
  std::optional<std::string> phrase;
};

tl::expected<Wish, WireError> parse_wish(std::string_view body) {
  const auto json = parse_strict_json(body.empty() ? "{}" : body);
  if (!json) return tl::unexpected(wire_error(ErrorCode::invalid_json, json.error().detail));
  if (!json->is_object())
    return tl::unexpected(wire_error(ErrorCode::invalid_json, "The body must be a JSON object."));
  Fields fields(*json, "");
  Wish wish{fields.text("code", 0, 64), fields.text("name", 0, 400), fields.text("phrase", 0, 400)};
  if (fields.error()) return tl::unexpected(*fields.error());
  return wish;
}

// Also says when to come back, where that is the answer.
void refuse_session(const Request& request, const Response& response, const Error& error,
                    bool is_phrase) {
  WireError wire = WireError::of(error);
  if (is_phrase && error.code != ErrorCode::storage_unavailable) wire.param = "phrase";
  if (error.code == ErrorCode::rate_limited) wire.retry_after_ms = is_phrase ? 30'000 : 2000;
  response->send(error_response(request->path, wire));
}

void grant(const SessionApi& api, const Request& request, const Response& response,
           std::optional<std::string> secret, Wish wish) {
  const bool is_phrase = wish.phrase.has_value();
  api.service.open_session(
      {.secret = std::move(secret),
       .name = std::move(wish.name),
       .phrase = std::move(wish.phrase),
       .peer = request->peer},
      [&api, request, response, is_phrase](Result<SessionGrant> granted) {
        if (!granted) return refuse_session(request, response, granted.error(), is_phrase);
        const nlohmann::ordered_json body = {{"user", user_json(granted->user)},
                                             {"durable", api.durable}};
        HttpResponse answer;
        answer.body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
        if (granted->new_secret)
          answer.headers.push_back(
              {"set-cookie", identity_cookie(api.cookie_name, *granted->new_secret)});
        response->send(std::move(answer));
      });
}

// A new identity needs the code of the room.
std::optional<WireError> check_code(const SessionApi& api, const HttpRequest& request,
                                    const Wish& wish) {
  if (!api.join_code) return std::nullopt;
  if (!wish.code)
    return wire_error(ErrorCode::unauthorized, "This room asks for its code.", "code");
  switch (api.join_code->check(*wish.code, request.peer)) {
    case JoinCode::Verdict::right:
      return std::nullopt;
    case JoinCode::Verdict::wrong:
      return wire_error(ErrorCode::forbidden, "No room has this code.", "code");
    case JoinCode::Verdict::too_many_tries:
      break;
  }
  WireError error =
      wire_error(ErrorCode::rate_limited,
                 "Too many wrong codes came from your address; wait a little.", "code");
  error.retry_after_ms = 2000;
  return error;
}

// The first step of the overload ladder: those who are known go on, nobody new comes in.
std::optional<WireError> check_room(const SessionApi& api) {
  if (api.service.admission().overload_level() < 1) return std::nullopt;
  WireError error = wire_error(ErrorCode::overloaded,
                               "The server is nearly full and lets nobody new in just now.");
  error.retry_after_ms = 5000;
  return error;
}

void open(const SessionApi& api, const Request& request, const Response& response, Wish wish) {
  if (const auto problem = check_room(api))
    return response->send(error_response(request->path, *problem));
  if (const auto problem = check_code(api, *request, wish))
    return response->send(error_response(request->path, *problem));
  grant(api, request, response, std::nullopt, std::move(wish));
}

}  // namespace

nlohmann::ordered_json user_json(const User& user) {
  return {{"id", to_string(user.id)}, {"name", user.name}, {"kind", to_string(user.kind)}};
}

Handler session_handler(SessionApi& api) {
  return [&api](Request request, Response response) {
    auto wish = parse_wish(request->body);
    if (!wish) return response->send(error_response(request->path, wish.error()));
    if (wish->phrase) return grant(api, request, response, std::nullopt, std::move(*wish));
    const auto secret = cookie_value(*request, api.cookie_name);
    if (!secret) return open(api, request, response, std::move(*wish));
    api.service.authenticate(
        *secret, [&api, request, response, secret, wish = std::move(*wish)](Result<User> user) {
          if (user) return grant(api, request, response, secret, wish);
          if (user.error().code == ErrorCode::unauthorized)
            return open(api, request, response, wish);
          response->send(error_response(request->path, WireError::of(user.error())));
        });
  };
}

}  // namespace hearth::server

#include "server/api/data_requests.h"

#include <utility>

#include "server/api/errors.h"
#include "server/session/strict_json.h"

namespace hearth::server {

std::optional<WireError> refuse_other_sites(const HttpRequest& request) {
  const auto site = request.header("sec-fetch-site");
  if (!site || *site == "same-origin" || *site == "none") return std::nullopt;
  return wire_error(ErrorCode::origin_not_allowed,
                    "Pages of other origins may not use this server.");
}

void refuse(const RequestRef& request, const ResponseRef& response, const WireError& error) {
  response->send(error_response(request->path, error));
}

void refuse(const RequestRef& request, const ResponseRef& response, const Error& error) {
  WireError wire = WireError::of(error);
  if (error.code == ErrorCode::busy || error.code == ErrorCode::rate_limited)
    wire.retry_after_ms = 2000;
  refuse(request, response, wire);
}

void answer(const ResponseRef& response, const nlohmann::ordered_json& body, int status) {
  HttpResponse whole;
  whole.status = status;
  whole.headers.push_back({"cache-control", "no-store"});
  whole.body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  response->send(std::move(whole));
}

std::optional<nlohmann::json> object_body(const RequestRef& request, const ResponseRef& response) {
  auto body = parse_strict_json(request->body.empty() ? "{}" : request->body);
  if (body && body->is_object()) return std::move(*body);
  refuse(request, response,
         wire_error(ErrorCode::invalid_json,
                    body ? "The body must be a JSON object." : body.error().detail));
  return std::nullopt;
}

}  // namespace hearth::server

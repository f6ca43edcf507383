#include "server/api/errors.h"

#include <algorithm>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace hearth::server {
namespace {

const char* openai_type(int status) {
  if (status == 401) return "authentication_error";
  if (status == 403 || status == 421) return "permission_error";
  if (status == 404) return "not_found_error";
  if (status == 429) return "rate_limit_error";
  if (status == 503) return "service_unavailable_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

std::string dump(const nlohmann::ordered_json& body) {
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

nlohmann::ordered_json openai_error(const WireError& error) {
  nlohmann::ordered_json body = {{"message", error.detail},
                                 {"type", openai_type(http_status(error.code))},
                                 {"param", nullptr},
                                 {"code", to_string(error.code)}};
  if (!error.param.empty()) body["param"] = error.param;
  if (error.needed) body["n_prompt_tokens"] = *error.needed;
  if (error.limit) body["n_ctx"] = *error.limit;
  return {{"error", std::move(body)}};
}

nlohmann::ordered_json anthropic_error(const WireError& error) {
  const int status = http_status(error.code);
  const char* type = openai_type(status);
  if (status >= 500) type = status == 503 ? "overloaded_error" : "api_error";
  std::string message = error.detail;
  if (!error.param.empty()) message = error.param + ": " + message;
  return {{"type", "error"}, {"error", {{"type", type}, {"message", std::move(message)}}}};
}

HttpResponse error_response(std::string_view path, const WireError& error, int status) {
  HttpResponse response;
  response.status = status != 0 ? status : http_status(error.code);
  const bool is_ollama = path == "/api/chat" || path == "/api/generate" || path == "/api/tags";
  if (path.starts_with("/v1/messages")) {
    response.body = dump(anthropic_error(error));
  } else if (is_ollama) {
    response.body = dump({{"error", error.detail}});
  } else if (path.starts_with("/v1/")) {
    response.body = dump(openai_error(error));
  } else {
    nlohmann::ordered_json problem = {{"type", "about:blank"}};
    problem.update(to_json(error));
    problem["status"] = response.status;
    response.content_type = "application/problem+json";
    response.body = dump(problem);
  }
  if (error.retry_after_ms) {
    const std::int64_t seconds = std::max<std::int64_t>(1, (*error.retry_after_ms + 999) / 1000);
    response.headers.push_back({"retry-after", std::to_string(seconds)});
  } else if (response.status == 429 || response.status == 503) {
    response.headers.push_back({"retry-after", "1"});
  }
  if (response.status == 401) response.headers.push_back({"www-authenticate", "Bearer"});
  return response;
}

WireError wire_error(ErrorCode code, std::string detail, std::string param) {
  return {code, std::move(detail), std::move(param), {}, {}, {}};
}

}  // namespace hearth::server

#include "server/session/error_body.h"

#include <nlohmann/json.hpp>

namespace hearth::server {
namespace {

struct Meaning {
  int status;
  const char* title;
  bool is_retryable;
};

Meaning meaning(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_json:
      return {400, "Not JSON", false};
    case ErrorCode::invalid_message:
      return {400, "Not a message of this protocol", false};
    case ErrorCode::unknown_type:
      return {400, "Unknown message type", false};
    case ErrorCode::invalid_parameter:
      return {400, "A value is out of range", false};
    case ErrorCode::message_too_large:
      return {413, "Too large", false};
    case ErrorCode::context_length_exceeded:
      return {400, "The message is too long", false};
    case ErrorCode::not_found:
      return {404, "Not found", false};
    case ErrorCode::model_not_found:
      return {404, "No such model", false};
    case ErrorCode::not_supported:
      return {400, "The model cannot do this", false};
    case ErrorCode::method_not_allowed:
      return {405, "Method not allowed", false};
    case ErrorCode::unsupported_media_type:
      return {415, "Unsupported media type", false};
    case ErrorCode::idempotency_conflict:
      return {409, "The id was used before", false};
    case ErrorCode::conflict:
      return {409, "Changed meanwhile", false};
    case ErrorCode::superseded:
      return {409, "A newer question took its place", false};
    case ErrorCode::unauthorized:
      return {401, "Not known here", false};
    case ErrorCode::forbidden:
      return {403, "Not allowed", false};
    case ErrorCode::origin_not_allowed:
      return {403, "Origin not allowed", false};
    case ErrorCode::host_not_allowed:
      return {421, "Host not allowed", false};
    case ErrorCode::rate_limited:
      return {429, "Too many messages", true};
    case ErrorCode::busy:
      return {429, "Too many replies at once", true};
    case ErrorCode::quota_exceeded:
      return {429, "Your storage is full", false};
    case ErrorCode::model_loading:
      return {503, "The model is loading", true};
    case ErrorCode::model_failed:
      return {503, "The model could not be loaded", false};
    case ErrorCode::engine_failed:
      return {500, "The reply failed", true};
    case ErrorCode::out_of_memory:
      return {500, "Out of memory", true};
    case ErrorCode::storage_unavailable:
      return {503, "Nothing can be stored", true};
    case ErrorCode::shutting_down:
      return {503, "The server is about to restart", true};
    case ErrorCode::overloaded:
      return {503, "Too much at once", true};
    case ErrorCode::cancelled:
      return {499, "Cancelled", false};
    case ErrorCode::template_raised:
      return {400, "The model refuses these messages", false};
    case ErrorCode::template_limit:
      return {400, "The messages are too much for the model's template", false};
    case ErrorCode::tokenizer_limit:
      return {400, "The text is too much for the model's tokenizer", false};
    default:
      return {500, "A fault of the server", false};
  }
}

}  // namespace

int http_status(ErrorCode code) { return meaning(code).status; }
const char* title(ErrorCode code) { return meaning(code).title; }
bool is_retryable(ErrorCode code) { return meaning(code).is_retryable; }

nlohmann::ordered_json to_json(const WireError& error) {
  const Meaning what = meaning(error.code);
  nlohmann::ordered_json body = {{"code", to_string(error.code)},
                                 {"status", what.status},
                                 {"title", what.title},
                                 {"detail", error.detail},
                                 {"retryable", what.is_retryable}};
  if (!error.param.empty()) body["param"] = error.param;
  if (error.retry_after_ms) body["retry_after_ms"] = *error.retry_after_ms;
  if (error.needed) body["needed"] = *error.needed;
  if (error.limit) body["limit"] = *error.limit;
  return body;
}

}  // namespace hearth::server

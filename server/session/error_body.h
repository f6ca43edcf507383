// One error, two encodings (reliability §2.8): what goes with an ErrorCode on the wire.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/error.h"

namespace hearth::server {

struct WireError {
  ErrorCode code = ErrorCode::internal;
  std::string detail{};  // one sentence for people; never a path, an address or a secret
  std::string param{};   // the field at fault, or empty
  std::optional<std::int64_t> retry_after_ms{};
  std::optional<std::int64_t> needed{};  // with context_length_exceeded
  std::optional<std::int64_t> limit{};

  static WireError of(Error error) { return {error.code, std::move(error.detail), {}, {}, {}, {}}; }
};

int http_status(ErrorCode code);
const char* title(ErrorCode code);  // a few words, stable
bool is_retryable(ErrorCode code);

// {"code", "status", "title", "detail", "retryable", "param"?, "retry_after_ms"?, "needed"?,
// "limit"?}
nlohmann::ordered_json to_json(const WireError& error);

}  // namespace hearth::server

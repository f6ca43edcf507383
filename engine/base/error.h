// Errors that users, files and the network can cause are values: Result<T> = T or Error.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace hearth {

// The machine-readable half of an error. Its wire name (to_string) is stable: clients and tests
// rely on it.
enum class ErrorCode {
  // A request that cannot be understood or honoured.
  invalid_json,
  invalid_message,
  unknown_type,
  invalid_parameter,
  message_too_large,
  context_length_exceeded,
  not_found,
  model_not_found,
  not_supported,  // by the model that is served
  method_not_allowed,
  unsupported_media_type,
  idempotency_conflict,
  conflict,
  superseded,
  // Who asks, and how often.
  unauthorized,
  forbidden,
  origin_not_allowed,
  host_not_allowed,
  rate_limited,
  busy,
  quota_exceeded,
  // The state of the server.
  model_loading,
  model_failed,
  engine_failed,
  out_of_memory,
  storage_unavailable,
  shutting_down,
  overloaded,
  cancelled,
  internal,
  // A model folder that cannot be used. detail names the file, the key, expected and found.
  folder_not_found,
  file_missing,
  config_invalid,
  architecture_unsupported,
  weights_missing,
  weights_invalid,
  weights_are_lfs_pointer,
  tensor_missing,
  tensor_shape_mismatch,
  dtype_unsupported,
  tokenizer_invalid,
  tokenizer_unsupported,
  tokenizer_limit,  // a text that is too much for the tokenizer's pattern
  template_syntax,
  template_raised,
  template_undefined,
  template_security,
  template_type,
  template_value,
  template_runtime,
  template_limit,
  // The command line.
  usage,
  io_error,
};

// The stable wire name, e.g. "context_length_exceeded".
std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string detail;  // one sentence for people: what is wrong, where, expected and found
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string detail) {
  return tl::unexpected<Error>(Error{code, std::move(detail)});
}

}  // namespace hearth

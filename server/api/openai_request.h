// The body of POST /v1/chat/completions, checked. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "server/session/error_body.h"
#include "server/session/prompt_builder.h"
#include "server/session/protocol.h"

namespace hearth::server {

struct OpenAiChatRequest {
  std::string model;  // as it was sent; any name means the one model that is served
  std::vector<Turn> turns;
  GenerationParams params;
  bool stream = false;
  bool include_usage = false;
  bool logprobs = false;
  std::int64_t top_logprobs = 0;
  bool ignore_eos = false;
};

// Limits of reliability R-14. Fields that Hearth does not know are ignored; null is the same as
// absent; a value that it cannot honour (n > 1, tools, a response format, images) is refused,
// because a silent difference would be worse. `max_tokens_limit` cuts, it does not refuse: clients
// send their model's largest number.
tl::expected<OpenAiChatRequest, WireError> parse_openai_chat(std::string_view body,
                                                             std::int64_t max_tokens_limit);

}  // namespace hearth::server

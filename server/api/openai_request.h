// The body of POST /v1/chat/completions, checked. Pure.
#pragma once

#include <string>
#include <string_view>

#include "server/api/body_fields.h"
#include "server/api/generation.h"

namespace hearth::server {

struct OpenAiChatRequest {
  GenerationSpec spec;  // one prompt
  bool stream = false;
  bool include_usage = false;
  bool logprobs = false;
  bool has_tools = false;   // calls are looked for in the reply
  bool is_parallel = true;  // … all of them

  const ChatPrompt& chat() const { return std::get<ChatPrompt>(spec.prompts.front()); }
};

// Fields that Hearth does not know are ignored; null is the same as absent; a value that it cannot
// honour (images, best_of) is refused, because a silent difference would be worse.
Parsed<OpenAiChatRequest> parse_openai_chat(std::string_view body, std::int64_t max_tokens_limit);

// "stream" and "stream_options.include_usage".
struct StreamWish {
  bool stream = false;
  bool include_usage = false;
};
Parsed<StreamWish> read_stream(const nlohmann::json& body);

}  // namespace hearth::server

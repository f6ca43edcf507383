// POST /v1/completions: texts without a template, one or up to sixteen.
#pragma once

#include "server/api/body_fields.h"
#include "server/api/generation.h"
#include "server/api/http.h"

namespace hearth::server {

struct CompletionRequest {
  GenerationSpec spec;
  bool stream = false;
  bool include_usage = false;
  bool echo = false;                     // the prompt stands before the reply
  bool hides_reply = false;              // max_tokens: 0, to score a prompt
  std::optional<std::int64_t> logprobs;  // candidates shown with each token
};

// prompt: a text, a list of texts, token ids, or a list of lists of ids.
Parsed<CompletionRequest> parse_completion(std::string_view body, std::int64_t max_tokens_limit);

// `generations` outlives the handler.
Handler completions_handler(Generations& generations);

}  // namespace hearth::server

// The JSON objects of OpenAI's APIs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "server/api/generation.h"
#include "server/session/model_info.h"

namespace hearth::server {

// What is the same in every chunk of one reply.
struct ReplyIdentity {
  std::string id;            // "chatcmpl-…"
  std::int64_t created = 0;  // seconds since 1970
  std::string model;
  std::string system_fingerprint;
};
ReplyIdentity identity_of(const Generations& generations, const char* prefix,
                          const std::string& request_id);

// {"id", "object", "created", "model", "system_fingerprint"}
nlohmann::ordered_json object_head(const ReplyIdentity& identity, const char* object);

nlohmann::ordered_json usage_object(const Generation& generation);

// {"content": [{"token", "logprob", "bytes", "top_logprobs"}…]} for tokens [from, to) of the
// choice. A token's text is what it completed: half a character is "" and the token that ends it
// has the whole. The end mark is left out.
nlohmann::ordered_json chat_logprobs(const Generation& generation, const Choice& choice,
                                     std::size_t from);

// [null, {"id": {"logprob", "rank", "decoded_token"}…}…]: one for each token of the prompt, as vLLM
// writes them; null when they were not asked for.
nlohmann::ordered_json prompt_logprobs_object(const Generation& generation, const Choice& choice);

// "stop" or "length".
const char* finish_reason(const Choice& choice);
// A stop string, a token id, or null.
nlohmann::ordered_json stop_reason(const Choice& choice);

nlohmann::ordered_json model_object(const ModelStatus& model, std::int64_t created);

}  // namespace hearth::server

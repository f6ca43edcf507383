// The JSON objects of OpenAI's chat API. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "server/api/generation.h"
#include "server/session/model_info.h"
#include "server/session/protocol.h"

namespace hearth::server {

// What is the same in every chunk of one reply.
struct ReplyIdentity {
  std::string id;            // "chatcmpl-…"
  std::int64_t created = 0;  // seconds since 1970
  std::string model;
  std::string system_fingerprint;
};

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;
};

nlohmann::ordered_json usage_object(const Usage& usage);

// {"content": [{"token", "logprob", "bytes", "top_logprobs"}…]} for tokens [from, to) of the reply.
// A token's text is what it completed: half a character is "" and the token that ends it has the
// whole. The end mark is left out.
nlohmann::ordered_json logprobs_object(const Generation& generation, const Delta& tokens);

nlohmann::ordered_json completion_object(const ReplyIdentity& identity, std::string_view text,
                                         const nlohmann::ordered_json& logprobs,
                                         std::string_view finish_reason, const Usage& usage);

// One SSE chunk's object; `delta` is {} in the last one. finish_reason may be null.
nlohmann::ordered_json chunk_object(const ReplyIdentity& identity, nlohmann::ordered_json delta,
                                    nlohmann::ordered_json logprobs,
                                    nlohmann::ordered_json finish_reason);
nlohmann::ordered_json usage_chunk_object(const ReplyIdentity& identity, const Usage& usage);

nlohmann::ordered_json model_object(const ModelStatus& model, std::int64_t created);

// "data: {…}\n\n"
std::string sse_event(const nlohmann::ordered_json& object);
std::string dump_lossy(
    const nlohmann::ordered_json& object);  // bytes that are not UTF-8 become U+FFFD

}  // namespace hearth::server

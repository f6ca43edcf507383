#include "server/api/openai_objects.h"

#include <algorithm>
#include <utility>

#include "engine/text/tokenizer.h"

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

ordered_json head(const ReplyIdentity& identity, const char* object) {
  return {{"id", identity.id},
          {"object", object},
          {"created", identity.created},
          {"model", identity.model},
          {"system_fingerprint", identity.system_fingerprint}};
}

ordered_json bytes_of(std::string_view text) {
  ordered_json bytes = ordered_json::array();
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

ordered_json candidate(std::string_view text, float logprob) {
  return {{"token", text}, {"logprob", logprob}, {"bytes", bytes_of(text)}};
}

}  // namespace

ordered_json usage_object(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

ordered_json logprobs_object(const Generation& generation, const Delta& tokens) {
  const ModelInfo& model = generation.model();
  ordered_json content = ordered_json::array();
  std::size_t begin = 0;
  for (std::size_t i = tokens.from; i < tokens.to; ++i) {
    const std::size_t size = tokens.bytes[i - tokens.from];
    const std::string_view text = std::string_view(tokens.text).substr(begin, size);
    begin += size;
    const engine::TokenRecord& record = generation.tokens().token(i);
    const bool is_end =
        std::find(model.eos_ids.begin(), model.eos_ids.end(), record.id) != model.eos_ids.end();
    if (is_end && size == 0) continue;
    ordered_json entry = candidate(text, record.logprob);
    entry["top_logprobs"] = ordered_json::array();
    for (const engine::TopLogprob& top : generation.tokens().top_logprobs(i)) {
      entry["top_logprobs"].push_back(
          candidate(model.tokenizer->decode(std::span(&top.id, 1), false), top.logprob));
    }
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

ordered_json completion_object(const ReplyIdentity& identity, std::string_view text,
                               const ordered_json& logprobs, std::string_view finish_reason,
                               const Usage& usage) {
  ordered_json body = head(identity, "chat.completion");
  body["choices"] = ordered_json::array(
      {{{"index", 0},
        {"message",
         {{"role", "assistant"}, {"content", text}, {"tool_calls", ordered_json::array()}}},
        {"logprobs", logprobs},
        {"finish_reason", finish_reason},
        {"stop_reason", nullptr}}});
  body["usage"] = usage_object(usage);
  body["prompt_logprobs"] = nullptr;
  return body;
}

ordered_json chunk_object(const ReplyIdentity& identity, ordered_json delta, ordered_json logprobs,
                          ordered_json finish_reason) {
  ordered_json body = head(identity, "chat.completion.chunk");
  body["choices"] = ordered_json::array({{{"index", 0},
                                          {"delta", std::move(delta)},
                                          {"logprobs", std::move(logprobs)},
                                          {"finish_reason", std::move(finish_reason)}}});
  return body;
}

ordered_json usage_chunk_object(const ReplyIdentity& identity, const Usage& usage) {
  ordered_json body = head(identity, "chat.completion.chunk");
  body["choices"] = ordered_json::array();
  body["usage"] = usage_object(usage);
  return body;
}

ordered_json model_object(const ModelStatus& model, std::int64_t created) {
  ordered_json body = {{"id", model.id},
                       {"object", "model"},
                       {"created", created},
                       {"owned_by", "hearth"},
                       {"state", to_string(model.state)}};
  if (model.info) {
    body["context_length"] = model.info->context_length;
    body["max_model_len"] = model.info->context_length;
    body["decoder"] = model.info->decoder;
    body["capabilities"] = ordered_json::array({"completion", "chat"});
  }
  return body;
}

std::string dump_lossy(const ordered_json& object) {
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string sse_event(const ordered_json& object) { return "data: " + dump_lossy(object) + "\n\n"; }

}  // namespace hearth::server

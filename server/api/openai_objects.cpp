#include "server/api/openai_objects.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "engine/text/tokenizer.h"

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

ordered_json bytes_of(std::string_view text) {
  ordered_json bytes = ordered_json::array();
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

ordered_json capabilities_of(const ModelInfo& model) {
  ordered_json list = ordered_json::array();
  if (model.writes) list.push_back("completion");
  if (model.writes && model.chat_template) list.push_back("chat");
  if (model.writes) list.push_back("structured_output");
  if (model.embedding.refusal.empty()) list.push_back("embeddings");
  if (model.classes.count > 0) list.push_back("classify");
  return list;
}

ordered_json candidate(std::string_view text, float logprob) {
  return {{"token", text}, {"logprob", logprob}, {"bytes", bytes_of(text)}};
}

}  // namespace

ReplyIdentity identity_of(const Generations& generations, const char* prefix,
                          const std::string& request_id) {
  const ModelStatus& model = generations.service().model();
  return {prefix + request_id, static_cast<std::int64_t>(std::time(nullptr)), model.id,
          model.info ? model.info->fingerprint : ""};
}

ordered_json object_head(const ReplyIdentity& identity, const char* object) {
  return {{"id", identity.id},
          {"object", object},
          {"created", identity.created},
          {"model", identity.model},
          {"system_fingerprint", identity.system_fingerprint}};
}

ordered_json usage_object(const Generation& generation) {
  const std::int64_t prompt = generation.prompt_tokens();
  const std::int64_t completion = generation.completion_tokens();
  return {{"prompt_tokens", prompt},
          {"total_tokens", prompt + completion},
          {"completion_tokens", completion},
          {"prompt_tokens_details", {{"cached_tokens", generation.cached_tokens()}}}};
}

ordered_json chat_logprobs(const Generation& generation, const Choice& choice, std::size_t from) {
  const ModelInfo& model = generation.model();
  const Delta tokens = choice.text->slice({}, from);
  ordered_json content = ordered_json::array();
  std::size_t begin = 0;
  for (std::size_t i = tokens.from; i < tokens.to; ++i) {
    const std::size_t size = tokens.bytes[i - tokens.from];
    const std::string_view text = std::string_view(tokens.text).substr(begin, size);
    begin += size;
    const std::size_t place = choice.num_scored + i;
    const engine::TokenRecord& record = choice.tokens->token(place);
    const bool is_end =
        std::find(model.eos_ids.begin(), model.eos_ids.end(), record.id) != model.eos_ids.end();
    if (is_end && size == 0) continue;
    ordered_json entry = candidate(text, record.logprob);
    entry["top_logprobs"] = ordered_json::array();
    for (const engine::TopLogprob& top : choice.tokens->top_logprobs(place)) {
      entry["top_logprobs"].push_back(
          candidate(model.tokenizer->decode(std::span(&top.id, 1), false), top.logprob));
    }
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

ordered_json prompt_logprobs_object(const Generation& generation, const Choice& choice) {
  const std::vector<TokenId>& ids = generation.prompts()[choice.prompt].ids;
  if (choice.num_scored + 1 != ids.size() || choice.tokens->published() < choice.num_scored)
    return nullptr;
  const engine::Tokenizer& tokenizer = *generation.model().tokenizer;
  ordered_json out = ordered_json::array({nullptr});
  for (std::size_t i = 0; i < choice.num_scored; ++i) {
    const engine::TokenRecord& record = choice.tokens->token(i);
    ordered_json entry = ordered_json::object();
    const auto add = [&](TokenId id, float logprob, std::int64_t rank) {
      entry[std::to_string(id)] = {{"logprob", logprob},
                                   {"rank", rank},
                                   {"decoded_token", tokenizer.decode(std::span(&id, 1), false)}};
    };
    add(record.id, record.logprob, record.rank + 1);
    std::int64_t rank = 0;
    for (const engine::TopLogprob& top : choice.tokens->top_logprobs(i))
      add(top.id, top.logprob, ++rank);
    out.push_back(std::move(entry));
  }
  return out;
}

const char* finish_reason(const Choice& choice) {
  return choice.end == GenerationEnd::length ? "length" : "stop";
}

ordered_json stop_reason(const Choice& choice) {
  if (choice.stop_token_id) return *choice.stop_token_id;
  if (!choice.stop_string.empty()) return choice.stop_string;
  return nullptr;
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
    body["capabilities"] = capabilities_of(*model.info);
  }
  return body;
}

}  // namespace hearth::server

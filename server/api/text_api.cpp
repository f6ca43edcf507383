#include "server/api/text_api.h"

#include <utility>

#include "engine/text/tokenizer.h"
#include "server/api/body_fields.h"
#include "server/api/errors.h"
#include "server/api/openai_request.h"
#include "server/api/reply_writer.h"
#include "server/session/fields.h"

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kIdsMax = 1'000'000;

using Request = std::shared_ptr<const HttpRequest>;
using Response = std::shared_ptr<ResponseWriter>;

void answer(Generations& generations, const Request& request, const Response& response,
            Parsed<Generations::TextWork> work) {
  if (!work) return response->send(error_response(request->path, work.error()));
  generations.perform(*request->user, std::move(*work),
                      [request, response](const tl::expected<ordered_json, WireError>& result) {
                        if (!result)
                          return response->send(error_response(request->path, result.error()));
                        response->send(json_answer(*result));
                      });
}

// The chat routes' fields that matter to a prompt.
Parsed<ChatPrompt> chat_of(const std::string& text) {
  auto chat = parse_openai_chat(text, 1);
  if (!chat) return tl::unexpected(chat.error());
  return chat->chat();
}

Parsed<Generations::TextWork> tokenize(const std::string& text) {
  Parsed<Body> body = parse_body(text);
  if (!body) return tl::unexpected(body.error());
  Fields fields(body->checked, "");
  const bool shows_texts = fields.boolean("return_token_strs").value_or(false);
  PromptInput input;
  if (body->checked.contains("messages")) {
    Parsed<ChatPrompt> chat = chat_of(text);
    if (!chat) return tl::unexpected(chat.error());
    input = std::move(*chat);
  } else {
    fields.require("prompt");
    TextPrompt prompt;
    prompt.text = fields.text("prompt", 0, 1 << 20).value_or("");
    prompt.add_special_tokens = fields.boolean("add_special_tokens").value_or(true);
    prompt.parse_special = fields.boolean("parse_special").value_or(true);
    input = std::move(prompt);
  }
  if (!fields.ok()) return tl::unexpected(*fields.error());
  return [input = std::move(input), shows_texts](const ModelInfo& model) -> Result<ordered_json> {
    std::vector<TokenId> ids;
    const auto* const text_prompt = std::get_if<TextPrompt>(&input);
    if (!text_prompt || !text_prompt->text.empty()) {
      auto encoded = encode_prompt(model, input);
      if (!encoded) return tl::unexpected(encoded.error());
      ids = std::move(encoded->ids);
    }
    ordered_json out = {
        {"count", ids.size()}, {"max_model_len", model.context_length}, {"tokens", ids}};
    if (shows_texts) {
      out["token_strs"] = ordered_json::array();
      for (const TokenId id : ids)
        out["token_strs"].push_back(model.tokenizer->id_to_token(id).value_or(""));
    }
    return out;
  };
}

Parsed<Generations::TextWork> detokenize(const std::string& text) {
  Parsed<Body> body = parse_body(text);
  if (!body) return tl::unexpected(body.error());
  if (!body->checked.contains("tokens")) return invalid("tokens", "tokens is missing.");
  auto ids = read_ids(body->checked["tokens"], "tokens");
  if (!ids) return tl::unexpected(ids.error());
  if (ids->size() > kIdsMax) return invalid("tokens", "tokens may hold at most 1000000 ids.");
  Fields fields(body->checked, "");
  const bool skips = fields.boolean("skip_special_tokens").value_or(false);
  if (!fields.ok()) return tl::unexpected(*fields.error());
  return [ids = std::move(*ids), skips](const ModelInfo& model) -> Result<ordered_json> {
    return ordered_json{{"prompt", model.tokenizer->decode(ids, skips)}};
  };
}

Parsed<Generations::TextWork> apply_template(const std::string& text) {
  Parsed<ChatPrompt> chat = chat_of(text);
  if (!chat) return tl::unexpected(chat.error());
  return [chat = std::move(*chat)](const ModelInfo& model) -> Result<ordered_json> {
    const auto rendered = render_prompt(model, chat);
    if (!rendered) return tl::unexpected(rendered.error());
    return ordered_json{{"prompt", rendered->text()}};
  };
}

}  // namespace

Handler tokenize_handler(Generations& generations) {
  return [&generations](const Request& request, const Response& response) {
    answer(generations, request, response, tokenize(request->body));
  };
}

Handler detokenize_handler(Generations& generations) {
  return [&generations](const Request& request, const Response& response) {
    answer(generations, request, response, detokenize(request->body));
  };
}

Handler apply_template_handler(Generations& generations) {
  return [&generations](const Request& request, const Response& response) {
    answer(generations, request, response, apply_template(request->body));
  };
}

}  // namespace hearth::server

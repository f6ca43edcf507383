#include "server/api/api_prompt.h"

#include <algorithm>

#include "engine/text/chat_messages.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

namespace hearth::server {
namespace {

using engine::MarkedText;
using engine::Origin;

engine::TemplateVariables variables_of(const ModelInfo& model, const ChatPrompt& chat) {
  engine::TemplateVariables variables;
  variables.messages = chat.messages;
  variables.tools = chat.tools;
  variables.add_generation_prompt = chat.add_generation_prompt && !chat.continue_final_message;
  variables.extra = chat.template_variables;
  for (const auto& [name, text] : model.tokenizer->named_special_tokens()) {
    variables.extra[name] = text;
  }
  return variables;
}

// A template that knows nothing of tools leaves them out without a word; the model would then be
// asked for calls of functions that it has never seen.
bool names_a_tool(const std::string& text, const nlohmann::ordered_json& tools) {
  return std::any_of(tools.begin(), tools.end(), [&](const auto& tool) {
    return text.find(tool["function"]["name"].template get<std::string>()) != std::string::npos;
  });
}

Result<EncodedPrompt> encode(const ModelInfo& model, const ChatPrompt& chat) {
  const Result<MarkedText> text = render_prompt(model, chat);
  if (!text) return tl::unexpected(text.error());
  EncodedPrompt out;
  if (!chat.tools.is_null()) {
    if (!names_a_tool(text->text(), chat.tools)) {
      return fail(ErrorCode::invalid_parameter,
                  "This model's chat template has no place for tools.");
    }
    const bool has_tags = text->text().find("<tool_call>") != std::string::npos;
    out.tool_form = has_tags ? EncodedPrompt::ToolForm::tags : EncodedPrompt::ToolForm::bare_json;
  }
  const bool adds = chat.add_special_tokens || model.chat_template->leaves_bos_to_tokenizer();
  auto ids = model.tokenizer->encode(*text, {.add_special_tokens = adds});
  if (!ids) return tl::unexpected(std::move(ids.error()));
  out.ids = std::move(*ids);
  if (out.ids.empty()) {
    return fail(ErrorCode::internal, "The chat template renders these messages to nothing.");
  }
  return out;
}

Result<EncodedPrompt> encode(const ModelInfo& model, const TextPrompt& prompt) {
  const Origin origin = prompt.parse_special ? Origin::from_template : Origin::from_message;
  EncodedPrompt out;
  auto ids = model.tokenizer->encode(MarkedText(prompt.text, origin),
                                     {.add_special_tokens = prompt.add_special_tokens});
  if (!ids) return tl::unexpected(std::move(ids.error()));
  out.ids = std::move(*ids);
  if (out.ids.empty()) return fail(ErrorCode::invalid_parameter, "The prompt has no tokens.");
  return out;
}

Result<EncodedPrompt> encode(const ModelInfo& model, const IdsPrompt& ids) {
  for (const TokenId id : ids) {
    if (!model.tokenizer->id_to_token(id)) {
      return fail(ErrorCode::invalid_parameter,
                  "The vocabulary has no token " + std::to_string(id) + ".");
    }
  }
  EncodedPrompt out;
  out.ids = ids;
  return out;
}

Result<EncodedPrompt> encode(const ModelInfo& model, const PairPrompt& prompt) {
  auto pair = model.tokenizer->encode_pair(prompt.text, prompt.pair);
  if (!pair) return tl::unexpected(std::move(pair.error()));
  EncodedPrompt out;
  out.ids = std::move(pair->ids);
  out.types = std::move(pair->types);
  if (out.ids.empty()) return fail(ErrorCode::invalid_parameter, "The text has no tokens.");
  return out;
}

}  // namespace

Result<MarkedText> render_prompt(const ModelInfo& model, const ChatPrompt& chat) {
  if (!model.chat_template) {
    return fail(ErrorCode::not_supported,
                "The model that is served has no chat template; /v1/completions may do.");
  }
  Result<MarkedText> text = model.chat_template->render(variables_of(model, chat));
  if (!text || !chat.continue_final_message) return text;
  return engine::cut_after_final_message(*text, chat.messages);
}

Result<EncodedPrompt> encode_prompt(const ModelInfo& model, const PromptInput& input) {
  return std::visit([&](const auto& prompt) { return encode(model, prompt); }, input);
}

}  // namespace hearth::server

// What a request gives the model to read, in any of its forms, as token ids. Runs on a text worker.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/token_id.h"
#include "engine/text/marked_text.h"
#include "server/session/model_info.h"

namespace hearth::server {

// Messages for the chat template, checked and in the shape that templates know: content is text,
// roles are system, user, assistant and tool, arguments of tool calls are objects.
struct ChatPrompt {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  nlohmann::ordered_json tools = nullptr;  // array, or null
  // Of the template: enable_thinking, … Checked: template bytes.
  nlohmann::ordered_json template_variables = nlohmann::ordered_json::object();
  bool add_generation_prompt = true;
  bool continue_final_message = false;  // the model writes on in the last message
  bool add_special_tokens = false;
};

// A text as it is, without a template.
struct TextPrompt {
  std::string text;
  bool add_special_tokens = true;
  bool parse_special = false;  // "<|im_end|>" in it is the token, not ten characters
};

using IdsPrompt = std::vector<TokenId>;

// What a classifier reads: one text or two, with the special tokens around and between them.
struct PairPrompt {
  std::string text;
  std::optional<std::string> pair;
};

using PromptInput = std::variant<ChatPrompt, TextPrompt, IdsPrompt, PairPrompt>;

struct EncodedPrompt {
  std::vector<TokenId> ids;
  std::vector<std::int32_t> types{};  // of a PairPrompt's tokens, which text they belong to
  // Of a chat prompt with tools: how the template writes a call.
  enum class ToolForm { none, tags, bare_json } tool_form = ToolForm::none;
};

// Errors: template_*; tokenizer_limit; not_supported: the model has no template;
// invalid_parameter: the template has no place for tools, the last message cannot be continued, or
// an id is not in the vocabulary.
Result<EncodedPrompt> encode_prompt(const ModelInfo& model, const PromptInput& input);

// The rendered prompt, before it is tokenised.
Result<engine::MarkedText> render_prompt(const ModelInfo& model, const ChatPrompt& chat);

}  // namespace hearth::server

// The folder's chat template (a Jinja subset), rendered as transformers renders it, with every
// byte's origin kept.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/text/marked_text.h"

namespace hearth::engine {

class Tokenizer;

struct TemplateVariables {
  // [{"role", "content", …}]. Strings inside are message bytes, but for the well-known names of
  // roles: templates build special tokens from them ('<|' + message.role + '|>'). A discarded value
  // leaves the variable undefined.
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  nlohmann::ordered_json tools = nullptr;
  nlohmann::ordered_json documents = nullptr;
  bool add_generation_prompt = true;
  nlohmann::ordered_json extra =
      nlohmann::ordered_json::object();  // bos_token, enable_thinking, …: template bytes
  std::optional<std::chrono::system_clock::time_point>
      now;  // for strftime_now; the clock when absent
};

// Compiled once, immutable: any number of threads may render at once.
class ChatTemplate {
 public:
  // Looks, in this order, for chat_template.jinja and the chat_template of chat_template.json and
  // tokenizer_config.json; else a built-in form for the folder's model_type. source() says which.
  // Errors: template_syntax, template_limit, config_invalid, folder_not_found, file_missing (no
  // template and no built-in form).
  static Result<std::shared_ptr<const ChatTemplate>> load(const std::filesystem::path& folder);

  // Errors: template_syntax, template_limit.
  static Result<std::shared_ptr<const ChatTemplate>> compile(std::string source);

  virtual ~ChatTemplate() = default;

  // Errors: template_raised (raise_exception), template_undefined, template_security,
  // template_type, template_value, template_runtime, template_limit. Bounded by reliability R-18:
  // depth, steps, output bytes, loop rounds.
  virtual Result<MarkedText> render(const TemplateVariables& variables) const = 0;

  // Where it came from, for people: "tokenizer_config.json", "built-in ChatML form", …
  virtual const std::string& source() const = 0;

  // True for the built-in forms that write no bos token themselves: encode their text with
  // add_special_tokens.
  virtual bool leaves_bos_to_tokenizer() const = 0;

  // Tokens that end a reply in this form besides the folder's own; only built-in forms have any.
  virtual const std::vector<std::string>& stop_tokens() const;
};

}  // namespace hearth::engine

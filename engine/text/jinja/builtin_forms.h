// Prompt forms for folders that come without a chat template: the form of each family as a template
// of its own.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace hearth::engine::jinja {

struct BuiltinForm {
  std::string_view name;  // for people: "built-in Vicuna form"
  std::string_view source;
  bool leaves_bos_to_tokenizer =
      false;  // the form has no bos_token: encode with add_special_tokens
};

// The form for config.json's model_type, with the folder's name and "_name_or_path" as hints; null
// when none is known.
const BuiltinForm* find_builtin_form(const nlohmann::ordered_json& config,
                                     const std::string& folder_name);

}  // namespace hearth::engine::jinja

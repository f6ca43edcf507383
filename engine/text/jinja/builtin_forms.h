// Prompt forms for folders that come without a chat template: the form of each family as a template
// of its own.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "engine/text/model_family.h"

namespace hearth::engine::jinja {

struct BuiltinForm {
  std::string_view name;  // for people: "built-in Vicuna form"
  std::string_view source;
  bool leaves_bos_to_tokenizer =
      false;  // the form has no bos_token: encode with add_special_tokens
  std::span<const std::string_view> stop_tokens = {};  // that end a reply besides the folder's own
};

// The form for config.json's model_type, with the folder's name and "_name_or_path" as hints; null
// when none is known.
const BuiltinForm* find_builtin_form(const nlohmann::ordered_json& config,
                                     const std::string& folder_name, TextFamily family);

}  // namespace hearth::engine::jinja

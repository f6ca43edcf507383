// What transformers' apply_chat_template does to messages around the template itself.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/text/marked_text.h"

namespace hearth::engine {

// The messages without the keys whose value is null: templates ask "is defined", not "is none".
nlohmann::ordered_json without_null_keys(const nlohmann::ordered_json& messages);

// For continue_final_message: cuts the rendered prompt right after the last message's content, so
// that the model goes on with it. Errors: invalid_parameter when the last message has no text, or
// the template did not print it.
Result<MarkedText> cut_after_final_message(const MarkedText& rendered,
                                           const nlohmann::ordered_json& messages);

}  // namespace hearth::engine

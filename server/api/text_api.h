// The text side of the model, without generating: POST /tokenize, /detokenize, /apply-template.
#pragma once

#include "server/api/generation.h"
#include "server/api/http.h"

namespace hearth::server {

// {"prompt" or "messages", …} → {"tokens", "count", "max_model_len", "token_strs"?}
Handler tokenize_handler(Generations& generations);

// {"tokens"} → {"prompt"}
Handler detokenize_handler(Generations& generations);

// {"messages", "tools"?, …} → {"prompt"}
Handler apply_template_handler(Generations& generations);

}  // namespace hearth::server

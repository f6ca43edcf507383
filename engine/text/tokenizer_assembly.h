// Steps that every way of reading a tokenizer shares, once its model is there.
#pragma once

#include <optional>

#include "engine/base/error.h"
#include "engine/text/added_tokens.h"
#include "engine/text/pipeline_tokenizer.h"
#include "engine/text/tokenizer_config.h"

namespace hearth::engine {

// Errors: tokenizer_invalid (no id is left).
Result<void> add_token(TokenizerParts& parts, const AddedToken& token, std::optional<TokenId> id);

// What the configuration adds to the tokens that are there, and finishes the list. With their own
// ids, as slow tokenizers do it, or the next free ones. Errors: tokenizer_invalid.
Result<void> add_configured_tokens(const TokenizerConfig& config, bool with_ids,
                                   TokenizerParts& parts);

// Llama classes: [bos] text [eos], as add_bos_token and add_eos_token say.
void apply_bos_and_eos(const TokenizerConfig& config, TokenizerParts& parts);

}  // namespace hearth::engine

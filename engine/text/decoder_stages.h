// The rules a decoder can be made of.
#pragma once

#include <string>

#include "engine/text/decoder.h"
#include "engine/text/json_fields.h"

namespace hearth::engine {

// The rule of one component that is no Sequence. fused: the tokens before it have become one text,
// of which it sees parts. Errors: tokenizer_invalid, tokenizer_unsupported.
Result<DecodeRule> make_decode_rule(const std::string& type, JsonFields& fields, bool fused);

DecodeRule byte_level_rule();
DecodeRule byte_fallback_rule();
DecodeRule join_with_spaces_rule();

}  // namespace hearth::engine

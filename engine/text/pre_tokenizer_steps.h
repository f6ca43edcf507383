// The rules a pre-tokenizer can be made of.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/text/json_fields.h"
#include "engine/text/pre_tokenizer.h"

namespace hearth::engine {

// The steps of one component that is no Sequence; none for a component that changes nothing here.
// Errors: tokenizer_invalid, tokenizer_unsupported.
Result<std::vector<std::shared_ptr<const PreTokenizerStep>>> make_pre_tokenizer_steps(
    const std::string& type, JsonFields& fields);

}  // namespace hearth::engine

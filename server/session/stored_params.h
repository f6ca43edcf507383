#pragma once

#include <cstdint>
#include <string>

#include "server/session/protocol.h"

namespace hearth::server {

// The settings of a conversation or a reply, without a model's name. Those that an older server
// stored may no longer be valid: then the model's defaults hold.
GenerationParams stored_params(const std::string& json, std::int64_t max_tokens_limit);

}  // namespace hearth::server

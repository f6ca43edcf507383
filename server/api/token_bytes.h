// What each token adds to a text, byte for byte: half characters too.
#pragma once

#include <string>
#include <vector>

#include "engine/text/tokenizer.h"

namespace hearth::server {

// Of one token as it stands inside a text; "" for special tokens and ids without one.
std::string token_bytes(const engine::Tokenizer& tokenizer, TokenId id);

// Of every id. A tenth of a second for a vocabulary of 150 000.
std::vector<std::string> bytes_of_vocabulary(const engine::Tokenizer& tokenizer);

}  // namespace hearth::server

#pragma once

#include <cstdint>

namespace hearth {

// An index into the model's vocabulary, 0 ≤ id < vocab_size. Ids beyond the tokenizer's entries
// decode to nothing.
using TokenId = std::int32_t;

}  // namespace hearth

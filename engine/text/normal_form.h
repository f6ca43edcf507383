// Unicode normal forms (UAX #15) in O(n log n) on any text.
#pragma once

#include <string_view>

#include "engine/text/rewrite.h"

namespace hearth::engine {

enum class NormalForm { nfc, nfd, nfkc, nfkd };

// True when `text` (valid UTF-8) is certainly in that form already; false says only that one must
// look.
bool is_surely_normal(NormalForm form, std::string_view text);

// Writes the normal form of source, which is valid UTF-8.
void normalize(NormalForm form, std::string_view source, Rewrite& out);

}  // namespace hearth::engine

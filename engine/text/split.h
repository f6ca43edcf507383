// Cutting a text at the matches of a pattern: what happens to the matches themselves.
#pragma once

#include <string_view>
#include <vector>

#include "engine/text/regex.h"

namespace hearth::engine {

enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

// Cuts [0, num_bytes) at matches (ascending, disjoint, not empty) and appends the pieces; with
// invert, matches and the text between them change roles. Nothing but `removed` pieces is lost.
void split_at(const std::vector<TextRange>& matches, std::size_t num_bytes, SplitBehavior behavior,
              bool invert, std::vector<TextRange>& pieces);

}  // namespace hearth::engine

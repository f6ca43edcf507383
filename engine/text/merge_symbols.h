// Byte-pair merging of one word's symbols.
#pragma once

#include <vector>

#include "engine/base/token_id.h"
#include "engine/text/merge_table.h"
#include "engine/text/token_model.h"

namespace hearth::engine {

// Joins adjacent symbols until no pair is in the table: always the pair of lowest rank, the
// leftmost of equals. In place. Short words by scanning for the minimum, long ones with a heap: O(n
// log n). Pairs whose result is forbidden do not join.
// ("Neural Machine Translation of Rare Words with Subword Units", Sennrich et al. 2016.)
void merge_symbols(const MergeTable& merges, const ForbiddenIds* forbidden,
                   std::vector<TokenId>& symbols);

}  // namespace hearth::engine

// One request on its way through the engine: what the scheduler, the fair queue and the engine core
// know about it.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/runtime/block_hash.h"
#include "engine/runtime/block_manager.h"
#include "engine/runtime/request.h"
#include "engine/runtime/token_stream.h"

namespace hearth::engine {

// The order in which prompts are read.
struct Turn {
  bool is_further = false;  // its user has another reply running
  double counter = 0.0;     // of its user
  auto operator<=>(const Turn&) const = default;
};

// Owned by the scheduler; engine thread only.
struct Sequence {
  GenerationRequest request;
  std::shared_ptr<TokenStream> stream;
  std::uint64_t order = 0;  // of arrival; smaller is older

  // Of the tokens of a row, so many at most are scored: their logits take the memory of as many
  // vocabularies.
  static constexpr std::int64_t kScoredMax = 64;

  std::vector<TokenId> ids;       // prompt, then the reply: given, then forced and generated
  std::int64_t num_unscored = 0;  // trailing forced ids that are not in the stream yet
  Thoughts thoughts;              // of the reply so far
  std::int64_t max_ids =
      0;  // the reply ends with `length` here: max_tokens, the context or all KV blocks

  // While it runs. A preempted sequence gives all of this back and starts again from what the
  // prefix cache still has.
  bool is_running = false;
  std::int32_t slot = -1;
  std::vector<BlockId> block_table;
  std::int64_t num_computed = 0;  // leading ids in the KV cache
  std::size_t num_named = 0;      // leading blocks of block_table offered to the prefix cache
  std::int64_t num_planned = 0;   // tokens of this step

  std::vector<BlockHash> block_hashes;  // of the full blocks of ids, made when first needed

  // While a step is planned.
  bool is_held_back = false;      // it waits for blocks that another one computes
  std::optional<Turn> lent_turn;  // the first of those who wait for this one
  bool has_waited_for_prefix = false;

  bool was_admitted = false;    // its prompt is paid for; true for a preempted one that waits
  std::int64_t num_cached = 0;  // prompt ids found in the cache at the first admission

  double submitted_s = 0.0;
  double first_scheduled_s = -1.0;  // −1: not yet
  double first_token_s = -1.0;

  std::int64_t num_ids() const { return static_cast<std::int64_t>(ids.size()); }
  std::int64_t num_prompt() const { return static_cast<std::int64_t>(request.prompt_ids.size()); }
  std::int64_t num_generated() const {  // and given
    return num_ids() - num_prompt() - num_unscored;
  }
  std::int64_t num_drawn() const {
    return num_generated() - static_cast<std::int64_t>(request.given.size());
  }
  std::int64_t num_left() const {
    return num_ids() - num_computed;
  }  // to compute before the next token

  // The first position whose output is still wanted: ids before it may come from the prefix cache.
  std::int64_t first_wanted() const {
    const bool is_from_first =
        request.output == RequestOutput::mean_state || request.output == RequestOutput::first_state;
    return is_from_first ? 0 : num_ids() - num_unscored - 1;
  }
  // The longest row of the next step: up to what is wanted, or as much of that as is scored at
  // once.
  std::int64_t num_row_max() const {
    if (num_unscored == 0) return num_left();
    const std::int64_t wanted = first_wanted();
    return num_computed < wanted ? wanted - num_computed : std::min(num_left(), kScoredMax);
  }

  std::vector<double> sums;  // of the states so far, or the class scores
};

}  // namespace hearth::engine

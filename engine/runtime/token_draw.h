// One token of one sequence, drawn from its logits: what the sampler needs to know of the sequence,
// and what it gave.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/base/error.h"
#include "engine/runtime/sequence.h"
#include "engine/sampling/sampler.h"
#include "engine/sampling/token_candidates.h"

namespace hearth::engine {

struct TokenDraw {
  Result<TokenRecord> token;
  std::vector<TopLogprob> top;                        // as the request wants them
  std::unique_ptr<const TokenCandidates> candidates;  // null unless the request is inspected
};

// logits: [V] of the sequence's last token. Changes nothing of the sequence but its constraint's
// own scratch, so that sequences without a constraint may be drawn from on several threads, each
// with a sampler of its own. Does not throw.
TokenDraw draw_token(Sampler& sampler, const Sequence& sequence, std::span<const float> logits);

}  // namespace hearth::engine

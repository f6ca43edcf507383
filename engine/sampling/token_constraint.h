// What the tokens of one reply may be, step by step: structured output's hook in the sampler.
#pragma once

#include <span>

#include "engine/base/token_id.h"

namespace hearth::engine {

// One per request; engine thread only, once it is submitted. Deterministic: what was accepted alone
// decides what is allowed.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // Bans what may not come next.
  //   scores: [V], changed in place; −inf bans a token
  virtual void mask(std::span<float> scores) = 0;

  // The token that was drawn.
  virtual void accept(TokenId id) = 0;

  // Nothing may follow: the reply is whole.
  virtual bool is_complete() const = 0;
};

}  // namespace hearth::engine

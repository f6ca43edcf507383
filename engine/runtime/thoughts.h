// Replies that think before they answer, between two marks (reasoning models): where such a reply
// stands, and what ends its thoughts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/base/token_id.h"

namespace hearth::engine {

struct ThoughtRule {
  TokenId open = -1;  // −1: the model does not think
  TokenId close = -1;
  bool begins_open = false;      // the prompt ends with `open`
  std::int64_t budget = -1;      // tokens of thought, ≥ 0; −1: as many as the model likes
  std::vector<TokenId> closing;  // drawn when the budget is used up; has `close` in it

  bool thinks() const { return open >= 0; }
};

// Of one reply: fed with its tokens in order. Thoughts are at its beginning, if anywhere.
class Thoughts {
 public:
  Thoughts() = default;
  explicit Thoughts(ThoughtRule rule);

  void take(TokenId id);

  // From here on the model answers: thoughts that are open, or open later, end at once.
  void close_now() { rule_.budget = 0; }

  // What the next token has to be.
  std::optional<TokenId> forced() const;

 private:
  enum class State : std::uint8_t { before, open, closing, over };

  ThoughtRule rule_;
  State state_ = State::over;
  std::int64_t num_tokens_ = 0;
  std::size_t num_closing_ = 0;  // of rule_.closing, taken
};

}  // namespace hearth::engine

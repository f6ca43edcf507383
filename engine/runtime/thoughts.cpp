#include "engine/runtime/thoughts.h"

#include <utility>

namespace hearth::engine {

Thoughts::Thoughts(ThoughtRule rule) : rule_(std::move(rule)) {
  if (!rule_.thinks() || rule_.closing.empty()) return;
  state_ = rule_.begins_open ? State::open : State::before;
}

void Thoughts::take(TokenId id) {
  if (state_ == State::before) {
    state_ = id == rule_.open ? State::open : State::over;
  } else if (state_ == State::closing || (state_ == State::open && forced() == id)) {
    ++num_closing_;
    state_ = num_closing_ == rule_.closing.size() ? State::over : State::closing;
  } else if (state_ == State::open) {
    ++num_tokens_;
    if (id == rule_.close) state_ = State::over;
  }
}

std::optional<TokenId> Thoughts::forced() const {
  if (state_ == State::closing) return rule_.closing[num_closing_];
  const bool is_used_up = rule_.budget >= 0 && num_tokens_ >= rule_.budget;
  if (state_ == State::open && is_used_up) return rule_.closing.front();
  return std::nullopt;
}

}  // namespace hearth::engine

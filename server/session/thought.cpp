#include "server/session/thought.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "engine/text/tokenizer.h"

namespace hearth::server {

engine::ThoughtRule thought_rule(const engine::Tokenizer& tokenizer) {
  const auto open = tokenizer.token_to_id(kThoughtOpen);
  const auto close = tokenizer.token_to_id(kThoughtClose);
  if (!open || !close) return {};
  engine::ThoughtRule rule{.open = *open, .close = *close, .closing = {}};
  // As such models are trained: the mark between line breaks. A tokenizer that reads it some other
  // way gets the mark alone.
  const auto closing = tokenizer.encode("\n" + std::string(kThoughtClose) + "\n\n");
  const bool is_read = closing && std::ranges::count(*closing, *close) == 1;
  rule.closing = is_read ? *closing : std::vector<TokenId>{*close};
  return rule;
}

bool opens_thought(std::span<const TokenId> prompt, const engine::ThoughtRule& rule,
                   const engine::Tokenizer& tokenizer) {
  constexpr std::size_t kBlanksMax = 4;
  if (!rule.thinks()) return false;
  for (std::size_t i = 0; i <= kBlanksMax && i < prompt.size(); ++i) {
    const TokenId id = prompt[prompt.size() - 1 - i];
    if (id == rule.open) return true;
    const std::string text = tokenizer.decode(std::array{id}, false);
    if (text.empty() || text.find_first_not_of(" \n\t\r") != std::string::npos) return false;
  }
  return false;
}

ReplyParts parts_of(std::string_view text) {
  if (!text.starts_with(kThoughtOpen)) return {.reasoning = {}, .answer = text};
  text.remove_prefix(kThoughtOpen.size());
  const std::size_t end = text.find(kThoughtClose);
  if (end == std::string_view::npos) return {.reasoning = text, .answer = {}};
  return {.reasoning = text.substr(0, end), .answer = text.substr(end + kThoughtClose.size())};
}

}  // namespace hearth::server

// The thoughts of reasoning models: the marks around them, and a reply's text with and without
// them. Pure.
#pragma once

#include <span>
#include <string_view>

#include "engine/base/token_id.h"
#include "engine/runtime/thoughts.h"

namespace hearth::engine {
class Tokenizer;
}

namespace hearth::server {

// How the stored text of a reply that thinks begins, also where the prompt opened the thoughts.
inline constexpr std::string_view kThoughtOpen = "<think>";
inline constexpr std::string_view kThoughtClose = "</think>";

// Of a model whose vocabulary has both marks as one token each; else one that does not think.
engine::ThoughtRule thought_rule(const engine::Tokenizer& tokenizer);

// The template opened the thoughts itself: the prompt ends with the mark, and blanks at most. What
// people wrote never stands there.
bool opens_thought(std::span<const TokenId> prompt, const engine::ThoughtRule& rule,
                   const engine::Tokenizer& tokenizer);

// Views into the text of a reply. Without the mark at its beginning all of it is the answer.
struct ReplyParts {
  std::string_view reasoning{};
  std::string_view answer{};
};
ReplyParts parts_of(std::string_view text);

}  // namespace hearth::server

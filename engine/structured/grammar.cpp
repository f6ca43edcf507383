#include "engine/structured/grammar.h"

#include <utility>

namespace hearth::engine {

GrammarState GrammarBuilder::state() {
  if (grammar_.states.size() == Grammar::kStatesMax) {
    is_full_ = true;
    return 0;
  }
  grammar_.states.emplace_back();
  return static_cast<GrammarState>(grammar_.states.size() - 1);
}

GrammarRule GrammarBuilder::rule() {
  const GrammarState begin = state();
  const GrammarState end = state();
  grammar_.states[end].is_end = true;
  grammar_.rules.push_back({begin, end});
  return static_cast<GrammarRule>(grammar_.rules.size() - 1);
}

void GrammarBuilder::byte(GrammarState from, std::uint8_t low, std::uint8_t high, GrammarState to) {
  grammar_.states[from].bytes.push_back({low, high, to});
}

void GrammarBuilder::free(GrammarState from, GrammarState to) {
  grammar_.states[from].free.push_back(to);
}

void GrammarBuilder::call(GrammarState from, GrammarRule rule, GrammarState to) {
  grammar_.states[from].calls.push_back({rule, to});
}

void GrammarBuilder::text(GrammarState from, std::string_view bytes, GrammarState to) {
  for (const char c : bytes) {
    const GrammarState next = state();
    const auto value = static_cast<std::uint8_t>(c);
    byte(from, value, value, next);
    from = next;
  }
  free(from, to);
}

Grammar GrammarBuilder::take(GrammarRule root) {
  grammar_.root = root;
  return std::move(grammar_);
}

}  // namespace hearth::engine

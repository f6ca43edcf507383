// One reply held to a grammar.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/sampling/token_constraint.h"
#include "engine/structured/grammar_automaton.h"

namespace hearth::engine {

// Requests of one grammar share an automaton, and with it the masks that others have computed. The
// first visit of a set costs a walk through the vocabulary, the next ones a look-up
// (bench/structured_bench).
class GrammarConstraint final : public TokenConstraint {
 public:
  // end_ids: allowed when the text is whole. Does not touch the automaton, which may be in use on
  // the engine's thread.
  GrammarConstraint(std::shared_ptr<GrammarAutomaton> automaton, std::vector<TokenId> end_ids);

  void mask(std::span<float> scores) override;
  void accept(TokenId id) override;
  bool is_complete() const override { return automaton_->is_final(set_); }

 private:
  void begin_again();

  std::shared_ptr<GrammarAutomaton> automaton_;
  std::vector<TokenId> end_ids_;
  std::string text_;  // so far, for a new automaton
  GrammarAutomaton::Set set_ = GrammarAutomaton::kBegin;
};

}  // namespace hearth::engine

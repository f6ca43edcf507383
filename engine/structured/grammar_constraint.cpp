#include "engine/structured/grammar_constraint.h"

#include <cstdint>
#include <limits>
#include <utility>

namespace hearth::engine {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

}  // namespace

GrammarConstraint::GrammarConstraint(std::shared_ptr<GrammarAutomaton> automaton,
                                     std::vector<TokenId> end_ids)
    : automaton_(std::move(automaton)), end_ids_(std::move(end_ids)) {}

// What others have read has filled it: one of our own, in the same place.
void GrammarConstraint::begin_again() {
  automaton_ = std::make_shared<GrammarAutomaton>(automaton_->grammar(), automaton_->tree());
  set_ = automaton_->begin();
  for (const char c : text_) set_ = automaton_->step(set_, static_cast<std::uint8_t>(c));
}

void GrammarConstraint::mask(std::span<float> scores) {
  std::span<const std::uint64_t> allowed = automaton_->allowed(set_);
  if (automaton_->is_full()) {
    begin_again();
    allowed = automaton_->allowed(set_);
  }
  const bool may_end = automaton_->accepts(set_);
  std::vector<std::pair<std::size_t, float>> kept;
  for (const TokenId id : end_ids_) {
    const auto place = static_cast<std::size_t>(id);
    if (may_end && place < scores.size()) kept.emplace_back(place, scores[place]);
  }
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const bool is_allowed =
        i / 64 < allowed.size() && ((allowed[i / 64] >> (i % 64)) & std::uint64_t{1}) != 0;
    if (!is_allowed) scores[i] = kBanned;
  }
  for (const auto& [place, score] : kept) scores[place] = score;
}

void GrammarConstraint::accept(TokenId id) {
  const auto place = static_cast<std::size_t>(id);
  if (id < 0 || place >= automaton_->tree()->num_ids()) return;
  for (const char c : automaton_->tree()->bytes(id)) {
    set_ = automaton_->step(set_, static_cast<std::uint8_t>(c));
    text_ += c;
  }
}

}  // namespace hearth::engine

#include "engine/structured/grammar_automaton.h"

#include <algorithm>
#include <set>
#include <utility>

namespace hearth::engine {

GrammarAutomaton::GrammarAutomaton(std::shared_ptr<const Grammar> grammar,
                                   std::shared_ptr<const TokenTree> tree)
    : grammar_(std::move(grammar)), tree_(std::move(tree)), frames_(1) {
  close({{grammar_->rules[grammar_->root].begin, 0}});
}

GrammarAutomaton::Stack GrammarAutomaton::push(Stack below, GrammarState back) {
  const std::uint64_t key = (std::uint64_t{below} << 32U) | back;
  const auto [found, is_new] = stack_of_.try_emplace(key, static_cast<Stack>(frames_.size()));
  if (is_new) frames_.push_back({below, back, frames_[below].depth + 1});
  return found->second;
}

GrammarAutomaton::Set GrammarAutomaton::close(std::vector<Place> open) {
  std::set<Place> seen(open.begin(), open.end());
  std::vector<Place> places;
  bool accepts = false;
  const auto reach = [&](Place place) {
    if (seen.insert(place).second) open.push_back(place);
  };
  while (!open.empty()) {
    const Place place = open.back();
    open.pop_back();
    if (seen.size() > kPlacesMax) return kDead;
    const Grammar::State& state = grammar_->states[place.state];
    if (!state.bytes.empty()) places.push_back(place);
    for (const GrammarState to : state.free) reach({to, place.stack});
    for (const Grammar::Call& call : state.calls) {
      if (frames_[place.stack].depth == kDepthMax) continue;
      reach({grammar_->rules[call.rule].begin, push(place.stack, call.back)});
    }
    if (!state.is_end) continue;
    if (place.stack == 0) {
      accepts = true;
    } else {
      reach({frames_[place.stack].back, frames_[place.stack].below});
    }
  }
  if (places.empty() && !accepts) return kDead;
  std::ranges::sort(places);
  const auto known = set_of_.find({places, accepts});
  if (known != set_of_.end()) return known->second;
  if (sets_.size() == kSetsMax) {
    is_full_ = true;
    return kDead;
  }
  const auto set = static_cast<Set>(sets_.size());
  Entry entry{.places = places, .accepts = accepts, .next = {}};
  entry.next.fill(kUnknown);
  sets_.push_back(std::move(entry));
  set_of_.emplace(std::pair{std::move(places), accepts}, set);
  return set;
}

GrammarAutomaton::Set GrammarAutomaton::step(Set from, std::uint8_t byte) {
  if (from < 0) return kDead;
  const Set known = sets_[index(from)].next[byte];
  if (known != kUnknown) return known;
  std::vector<Place> after;
  for (const Place& place : sets_[index(from)].places) {
    for (const Grammar::ByteEdge& edge : grammar_->states[place.state].bytes) {
      if (byte < edge.low || byte > edge.high) continue;
      const Place to{edge.to, place.stack};
      if (std::ranges::find(after, to) == after.end()) after.push_back(to);
    }
  }
  const Set to = after.empty() ? kDead : close(std::move(after));
  if (to != kDead || !is_full_) sets_[index(from)].next[byte] = to;
  return to;
}

std::vector<std::uint64_t> GrammarAutomaton::make_mask(Set set) {
  std::vector<std::uint64_t> mask((tree_->num_ids() + 63) / 64);
  // by_depth[d]: the set behind the first d bytes of the node's text.
  std::vector<Set> by_depth(tree_->depth_max() + 1, kDead);
  by_depth[0] = set;
  const std::span<const TokenTree::Node> nodes = tree_->nodes();
  for (std::size_t i = 0; i < nodes.size();) {
    const TokenTree::Node& node = nodes[i];
    const Set to = step(by_depth[node.depth - 1], node.byte);
    if (to == kDead) {
      i = node.behind;
      continue;
    }
    by_depth[node.depth] = to;
    for (const TokenId id : tree_->ids(node)) {
      mask[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1}
                                                 << (static_cast<unsigned>(id) % 64);
    }
    ++i;
  }
  return mask;
}

std::span<const std::uint64_t> GrammarAutomaton::allowed(Set set) {
  const auto known = masks_.find(set);
  if (known != masks_.end()) return known->second;
  const std::size_t bytes = (tree_->num_ids() + 63) / 64 * sizeof(std::uint64_t);
  if ((masks_.size() + 1) * bytes > kMaskBytesMax) masks_.clear();
  return masks_.emplace(set, make_mask(set)).first->second;
}

}  // namespace hearth::engine

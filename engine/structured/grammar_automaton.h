// Reads a grammar byte by byte. Places of the grammar, with the calls they are in, are gathered
// into sets; a set is a state of a deterministic machine that is built as far as texts need it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/structured/grammar.h"
#include "engine/structured/token_tree.h"

namespace hearth::engine {

// One thread at a time. Memory is bounded: kSetsMax sets of about 1.2 KiB, kMaskBytesMax of masks.
class GrammarAutomaton {
 public:
  using Set = std::int32_t;
  static constexpr Set kBegin = 0;
  static constexpr Set kDead = -1;  // no text of the grammar goes on like this
  static constexpr std::size_t kSetsMax = 10'000;
  static constexpr std::size_t kDepthMax = 64;     // calls within calls
  static constexpr std::size_t kPlacesMax = 2048;  // of one set
  static constexpr std::size_t kMaskBytesMax = 16U << 20U;

  GrammarAutomaton(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTree> tree);

  Set begin() const { return kBegin; }
  Set step(Set from, std::uint8_t byte);
  bool accepts(Set set) const { return set >= 0 && sets_[index(set)].accepts; }  // whole as it is
  bool is_final(Set set) const {  // whole, and nothing may follow
    return accepts(set) && sets_[index(set)].places.empty();
  }
  // True once the bound made a set dead that need not be: begin again with a new automaton.
  bool is_full() const { return is_full_; }

  // Bit per token id: those whose bytes may follow. Valid until the next call.
  std::span<const std::uint64_t> allowed(Set set);

  const std::shared_ptr<const Grammar>& grammar() const { return grammar_; }
  const std::shared_ptr<const TokenTree>& tree() const { return tree_; }
  std::size_t num_sets() const { return sets_.size(); }

 private:
  using Stack = std::uint32_t;  // of calls under way; 0 is empty
  struct Frame {
    Stack below = 0;
    GrammarState back = 0;
    std::uint32_t depth = 0;
  };
  struct Place {
    GrammarState state = 0;
    Stack stack = 0;
    auto operator<=>(const Place&) const = default;
  };
  static constexpr Set kUnknown = -2;
  struct Entry {
    std::vector<Place> places;  // sorted; those that read a byte
    bool accepts = false;
    std::array<Set, 256> next;
  };

  static std::size_t index(Set set) { return static_cast<std::size_t>(set); }
  Stack push(Stack below, GrammarState back);
  Set close(std::vector<Place> open);  // follows what reads nothing
  std::vector<std::uint64_t> make_mask(Set set);

  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const TokenTree> tree_;
  std::vector<Frame> frames_;
  std::unordered_map<std::uint64_t, Stack> stack_of_;  // (below, back) → stack
  std::vector<Entry> sets_;
  std::map<std::pair<std::vector<Place>, bool>, Set> set_of_;
  std::unordered_map<Set, std::vector<std::uint64_t>> masks_;
  bool is_full_ = false;
};

}  // namespace hearth::engine

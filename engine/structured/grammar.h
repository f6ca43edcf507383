// A grammar over bytes, as a machine with states and calls: what structured output is compiled to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hearth::engine {

using GrammarState = std::uint32_t;
using GrammarRule = std::uint32_t;

// Rules call each other, so brackets may nest. Filled by a builder, then immutable.
struct Grammar {
  static constexpr std::size_t kStatesMax = 10'000;  // reliability R-19

  struct ByteEdge {
    std::uint8_t low = 0;
    std::uint8_t high = 0;
    GrammarState to = 0;
  };
  struct Call {
    GrammarRule rule = 0;
    GrammarState back = 0;  // where it goes on afterwards
  };
  struct State {
    std::vector<ByteEdge> bytes;
    std::vector<GrammarState> free;  // without reading anything
    std::vector<Call> calls;
    bool is_end = false;  // of its rule
  };
  struct Rule {
    GrammarState begin = 0;
    GrammarState end = 0;
  };

  std::vector<State> states;
  std::vector<Rule> rules;
  GrammarRule root = 0;
};

// Adds states and edges. When the bound is reached it goes on in vain: ask is_full() at the end.
class GrammarBuilder {
 public:
  GrammarState state();
  // An empty rule; fill it between its begin and its end.
  GrammarRule rule();
  Grammar::Rule ends(GrammarRule rule) const { return grammar_.rules[rule]; }

  void byte(GrammarState from, std::uint8_t low, std::uint8_t high, GrammarState to);
  void free(GrammarState from, GrammarState to);
  void call(GrammarState from, GrammarRule rule, GrammarState to);
  void text(GrammarState from, std::string_view bytes, GrammarState to);

  bool is_full() const { return is_full_; }
  Grammar take(GrammarRule root);

 private:
  Grammar grammar_;
  bool is_full_ = false;
};

}  // namespace hearth::engine

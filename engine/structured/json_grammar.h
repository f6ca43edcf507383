// The parts of JSON (RFC 8259) as grammar rules, with the bounds that keep a model from writing
// white space or digits for ever.
#pragma once

#include <cstdint>

#include "engine/structured/grammar.h"

namespace hearth::engine {

class JsonGrammar {
 public:
  static constexpr int kIndentMax = 20;  // spaces behind a line's end
  static constexpr int kDigitsMax = 15;  // before and behind the point: exact in a double

  explicit JsonGrammar(GrammarBuilder& builder);

  GrammarRule space() const { return space_; }  // nothing, a space, or a line's end and indent
  GrammarRule character() const { return character_; }  // of a string, escapes included
  GrammarRule string() const { return string_; }
  GrammarRule integer() const { return integer_; }
  GrammarRule number() const { return number_; }
  GrammarRule boolean() const { return boolean_; }
  GrammarRule null() const { return null_; }
  GrammarRule object() const { return object_; }
  GrammarRule array() const { return array_; }
  GrammarRule value() const { return value_; }

  // "{", pairs of any key with a value of the rule, "}".
  void map(GrammarState from, GrammarRule value, GrammarState to);

 private:
  void make_space();
  void make_character();
  void make_numbers();
  void make_values();
  GrammarState digits(GrammarState from, int most);

  GrammarBuilder& b_;
  GrammarRule space_ = 0;
  GrammarRule character_ = 0;
  GrammarRule string_ = 0;
  GrammarRule integer_ = 0;
  GrammarRule number_ = 0;
  GrammarRule boolean_ = 0;
  GrammarRule null_ = 0;
  GrammarRule object_ = 0;
  GrammarRule array_ = 0;
  GrammarRule value_ = 0;
};

}  // namespace hearth::engine

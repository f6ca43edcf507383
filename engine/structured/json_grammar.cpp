#include "engine/structured/json_grammar.h"

#include <array>

namespace hearth::engine {

JsonGrammar::JsonGrammar(GrammarBuilder& builder) : b_(builder) {
  make_space();
  make_character();
  make_numbers();
  make_values();
}

void JsonGrammar::make_space() {
  space_ = b_.rule();
  const auto [begin, end] = b_.ends(space_);
  b_.free(begin, end);
  b_.byte(begin, ' ', ' ', end);
  GrammarState here = b_.state();
  b_.byte(begin, '\n', '\n', here);
  for (int i = 0; i < kIndentMax; ++i) {
    b_.free(here, end);
    const GrammarState next = b_.state();
    b_.byte(here, ' ', ' ', next);
    here = next;
  }
  b_.free(here, end);
}

// Whole characters only; \u escapes of surrogates are left out, the model writes UTF-8 instead.
void JsonGrammar::make_character() {
  character_ = b_.rule();
  const auto [begin, end] = b_.ends(character_);
  b_.byte(begin, 0x20, 0x21, end);
  b_.byte(begin, 0x23, 0x5b, end);
  b_.byte(begin, 0x5d, 0x7f, end);
  const GrammarState last = b_.state();
  const GrammarState last_two = b_.state();
  const GrammarState last_three = b_.state();
  b_.byte(last, 0x80, 0xbf, end);
  b_.byte(last_two, 0x80, 0xbf, last);
  b_.byte(last_three, 0x80, 0xbf, last_two);
  b_.byte(begin, 0xc2, 0xdf, last);
  b_.byte(begin, 0xe1, 0xec, last_two);
  b_.byte(begin, 0xee, 0xef, last_two);
  b_.byte(begin, 0xf1, 0xf3, last_three);
  struct First {
    std::uint8_t byte;
    std::uint8_t low;  // of the second byte
    std::uint8_t high;
    bool is_long;
  };
  for (const First& first : {First{0xe0, 0xa0, 0xbf, false}, First{0xed, 0x80, 0x9f, false},
                             First{0xf0, 0x90, 0xbf, true}, First{0xf4, 0x80, 0x8f, true}}) {
    const GrammarState second = b_.state();
    b_.byte(begin, first.byte, first.byte, second);
    b_.byte(second, first.low, first.high, first.is_long ? last_two : last);
  }
  const GrammarState escape = b_.state();
  b_.byte(begin, '\\', '\\', escape);
  for (const char c : {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'}) {
    b_.byte(escape, static_cast<std::uint8_t>(c), static_cast<std::uint8_t>(c), end);
  }
  std::array<GrammarState, 4> hex{};
  for (GrammarState& state : hex) state = b_.state();
  b_.byte(escape, 'u', 'u', hex[0]);
  const GrammarState behind_d = b_.state();
  const auto digit = [this](GrammarState from, GrammarState to) {
    b_.byte(from, '0', '9', to);
    b_.byte(from, 'a', 'f', to);
    b_.byte(from, 'A', 'F', to);
  };
  b_.byte(hex[0], '0', '9', hex[1]);
  for (const char c : {'a', 'A'}) {
    const auto low = static_cast<std::uint8_t>(c);
    b_.byte(hex[0], low, static_cast<std::uint8_t>(low + 2), hex[1]);
    b_.byte(hex[0], static_cast<std::uint8_t>(low + 4), static_cast<std::uint8_t>(low + 5), hex[1]);
    b_.byte(hex[0], static_cast<std::uint8_t>(low + 3), static_cast<std::uint8_t>(low + 3),
            behind_d);
  }
  b_.byte(behind_d, '0', '7', hex[2]);
  digit(hex[1], hex[2]);
  digit(hex[2], hex[3]);
  digit(hex[3], end);
}

// One digit and up to most − 1 more; every state that is reached may be left.
GrammarState JsonGrammar::digits(GrammarState from, int most) {
  const GrammarState out = b_.state();
  for (int i = 0; i < most; ++i) {
    const GrammarState next = b_.state();
    b_.byte(from, '0', '9', next);
    b_.free(next, out);
    from = next;
  }
  return out;
}

void JsonGrammar::make_numbers() {
  integer_ = b_.rule();
  const auto [begin, end] = b_.ends(integer_);
  const GrammarState first = b_.state();
  b_.free(begin, first);
  b_.byte(begin, '-', '-', first);
  b_.byte(first, '0', '0', end);
  const GrammarState more = b_.state();
  b_.byte(first, '1', '9', more);
  b_.free(more, end);
  b_.free(digits(more, kDigitsMax - 1), end);

  number_ = b_.rule();
  const auto [start, stop] = b_.ends(number_);
  const GrammarState whole = b_.state();
  b_.call(start, integer_, whole);
  b_.free(whole, stop);
  const GrammarState point = b_.state();
  b_.byte(whole, '.', '.', point);
  const GrammarState fraction = digits(point, kDigitsMax);
  b_.free(fraction, stop);
  const GrammarState exponent = b_.state();
  const GrammarState signed_exponent = b_.state();
  for (const GrammarState from : {whole, fraction}) {
    b_.byte(from, 'e', 'e', exponent);
    b_.byte(from, 'E', 'E', exponent);
  }
  b_.free(exponent, signed_exponent);
  b_.byte(exponent, '+', '+', signed_exponent);
  b_.byte(exponent, '-', '-', signed_exponent);
  b_.free(digits(signed_exponent, 2), stop);
}

void JsonGrammar::map(GrammarState from, GrammarRule value, GrammarState to) {
  const GrammarState open = b_.state();
  const GrammarState key = b_.state();
  const GrammarState colon = b_.state();
  const GrammarState before_value = b_.state();
  const GrammarState spaced = b_.state();
  const GrammarState after = b_.state();
  const GrammarState close = b_.state();
  const GrammarState comma = b_.state();
  b_.byte(from, '{', '{', open);
  b_.call(open, space_, key);
  b_.byte(key, '}', '}', to);
  const GrammarState pair = b_.state();
  b_.free(key, pair);
  b_.call(pair, string_, colon);
  b_.byte(colon, ':', ':', before_value);
  b_.call(before_value, space_, spaced);
  b_.call(spaced, value, after);
  b_.call(after, space_, close);
  b_.byte(close, '}', '}', to);
  b_.byte(after, ',', ',', comma);
  b_.call(comma, space_, pair);
}

void JsonGrammar::make_values() {
  string_ = b_.rule();
  const auto [string_begin, string_end] = b_.ends(string_);
  const GrammarState inside = b_.state();
  b_.byte(string_begin, '"', '"', inside);
  b_.call(inside, character_, inside);
  b_.byte(inside, '"', '"', string_end);

  boolean_ = b_.rule();
  b_.text(b_.ends(boolean_).begin, "true", b_.ends(boolean_).end);
  b_.text(b_.ends(boolean_).begin, "false", b_.ends(boolean_).end);
  null_ = b_.rule();
  b_.text(b_.ends(null_).begin, "null", b_.ends(null_).end);

  value_ = b_.rule();
  object_ = b_.rule();
  array_ = b_.rule();
  const auto [begin, end] = b_.ends(value_);
  for (const GrammarRule one : {string_, number_, boolean_, null_, object_, array_}) {
    b_.call(begin, one, end);
  }
  map(b_.ends(object_).begin, value_, b_.ends(object_).end);
  const auto [open, closed] = b_.ends(array_);
  const GrammarState first = b_.state();
  const GrammarState item = b_.state();
  const GrammarState after = b_.state();
  const GrammarState close = b_.state();
  const GrammarState comma = b_.state();
  const GrammarState spaced = b_.state();
  b_.byte(open, '[', '[', first);
  b_.call(first, space_, spaced);
  b_.byte(spaced, ']', ']', closed);
  b_.free(spaced, item);
  b_.call(item, value_, after);
  b_.call(after, space_, close);
  b_.byte(close, ']', ']', closed);
  b_.byte(after, ',', ',', comma);
  b_.call(comma, space_, item);
}

}  // namespace hearth::engine

// Template source → tokens, with transformers' settings: trim_blocks, lstrip_blocks, one trailing
// newline removed, no line statements. A port of the rules of Jinja 3.1's lexer; where this file
// looks odd, Jinja is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/jinja/value.h"

namespace hearth::engine::jinja {

enum class TokenKind : std::uint8_t {
  data,            // text: what stands outside the tags
  variable_begin,  // {{
  variable_end,
  block_begin,  // {%
  block_end,
  name,      // text
  string,    // text: unescaped
  integer,   // integer
  floating,  // floating
  op,        // text: "+", "**", "==", …
  eof,
};

struct LexedToken {
  TokenKind kind = TokenKind::eof;
  std::string text;
  Int integer = 0;
  double floating = 0;
  std::size_t line = 1;
};

// The last token is eof. Raises template_syntax.
std::vector<LexedToken> tokenize(std::string_view source);

}  // namespace hearth::engine::jinja

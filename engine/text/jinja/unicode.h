// Characters as Python sees them: code points, their classes and their cases.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hearth::engine::jinja {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 1;
};

// The character that starts at byte `at` of valid UTF-8. A stray byte counts as one U+FFFD.
CodePoint decode_at(std::string_view utf8, std::size_t at);
void append_utf8(std::string& out, char32_t value);
std::size_t count_chars(std::string_view utf8);

bool is_valid_utf8(std::string_view bytes);
// Bytes that are not UTF-8 become U+FFFD.
std::string to_valid_utf8(std::string_view bytes);

bool is_space(char32_t value);       // str.isspace, and \s
bool is_line_break(char32_t value);  // where str.splitlines splits
bool is_letter(char32_t value);      // str.isalpha
bool is_decimal(char32_t value);     // str.isdecimal
bool is_digit(char32_t value);       // str.isdigit: decimals, superscripts, …
bool is_numeric(char32_t value);     // str.isnumeric
bool is_lower(char32_t value);
bool is_upper(char32_t value);
bool is_cased(char32_t value);
bool is_printable(char32_t value);  // not escaped by repr
bool is_identifier_start(char32_t value);
bool is_identifier_part(char32_t value);

// Full mappings: "ß" becomes "SS". Lower case of a final sigma needs its context: see to_lower in
// text_ops.
std::string upper_of(char32_t value);
std::string lower_of(char32_t value);
std::string title_of(char32_t value);
std::string fold_of(char32_t value);

}  // namespace hearth::engine::jinja

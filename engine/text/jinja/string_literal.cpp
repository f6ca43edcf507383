#include "engine/text/jinja/string_literal.h"

#include <algorithm>
#include <charconv>

#include "engine/text/jinja/unicode.h"

namespace hearth::engine::jinja {
namespace {

// Reads `count` hexadecimal digits at `at`.
std::optional<char32_t> read_hex(std::string_view text, std::size_t at, std::size_t count) {
  const std::string_view digits = text.substr(std::min(at, text.size()), count);
  unsigned value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != count || read.ptr != digits.data() + digits.size() || value > 0x10FFFF)
    return std::nullopt;
  return value;
}

std::optional<char> simple_escape(char c) {
  switch (c) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '\\':
    case '\'':
    case '"':
      return c;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> unescape_string_literal(std::string_view inside) {
  std::string result;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != '\\') {
      result += inside[i];
      continue;
    }
    if (++i == inside.size()) return std::nullopt;
    const char c = inside[i];
    const std::size_t hex_digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (const auto simple = simple_escape(c)) {
      result += *simple;
    } else if (c == '\n') {
      // A line continuation.
    } else if (hex_digits > 0) {
      const auto value = read_hex(inside, i + 1, hex_digits);
      if (!value) return std::nullopt;
      append_utf8(result, *value);
      i += hex_digits;
    } else if (c >= '0' && c <= '7') {
      char32_t value = 0;
      std::size_t end = i;
      while (end < inside.size() && end < i + 3 && inside[end] >= '0' && inside[end] <= '7') {
        value = value * 8 + static_cast<char32_t>(inside[end++] - '0');
      }
      append_utf8(result, value);
      i = end - 1;
    } else if (c == 'N') {
      return std::nullopt;  // names of characters: no template uses them
    } else {
      result += '\\';
      result += c;
    }
  }
  return result;
}

}  // namespace hearth::engine::jinja

#include "engine/text/jinja/numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/unicode.h"

namespace hearth::engine::jinja {
namespace {

constexpr Int kIntMax = static_cast<Int>(1) << 126;

[[noreturn]] void raise_too_large() {
  raise(ErrorCode::template_limit, "The chat template computes an integer past 2^126.");
}

Int checked(bool overflow, Int value) {
  if (overflow || value > kIntMax || value < -kIntMax) raise_too_large();
  return value;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(decode_at(text, 0).value))
    text.remove_prefix(decode_at(text, 0).bytes);
  while (!text.empty()) {
    std::size_t last = text.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0u) == 0x80u) --last;
    if (!is_space(decode_at(text, last).value)) break;
    text = text.substr(0, last);
  }
  return text;
}

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

// Removes underscores that stand between digits; nullopt when one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string result;
  const auto is_alnum = [](char c) { return is_ascii_digit(c) || (c | 0x20) >= 'a'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      result += text[i];
    } else if (i == 0 || i + 1 == text.size() || !is_alnum(text[i - 1]) || !is_alnum(text[i + 1])) {
      return std::nullopt;
    }
  }
  return result;
}

int digit_value(char c) {
  if (is_ascii_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : 99;
}

}  // namespace

std::string show_int(Int value) {
  if (value == 0) return "0";
  std::string digits;
  const bool negative = value < 0;
  for (; value != 0; value /= 10) {
    const int digit = static_cast<int>(value % 10);
    digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
  }
  if (negative) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string show_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto written =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view shown(buffer,
                               static_cast<std::size_t>(written.ptr - buffer));  // "-d.ddde±XX"
  const std::size_t e = shown.find('e');
  std::string digits;
  for (const char c : shown.substr(0, e)) {
    if (is_ascii_digit(c)) digits += c;
  }
  int exponent = 0;
  const char* exponent_begin = buffer + e + (buffer[e + 1] == '+' ? 2 : 1);
  std::from_chars(exponent_begin, written.ptr, exponent);
  std::string result = shown[0] == '-' ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    result += digits[0];
    if (digits.size() > 1) result += '.' + digits.substr(1);
    char tail[24];
    std::snprintf(tail, sizeof tail, "e%c%02d", exponent < 0 ? '-' : '+', std::abs(exponent));
    return result + tail;
  }
  if (exponent < 0)
    return result + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole)
    return result + digits + std::string(whole - digits.size(), '0') + ".0";
  return result + digits.substr(0, whole) + '.' + digits.substr(whole);
}

std::optional<Int> parse_int(std::string_view text, int base) {
  text = trimmed(text);
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.size() > 1 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    const int prefixed = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    if (prefixed != 0 && (base == 0 || base == prefixed)) {
      base = prefixed;
      text.remove_prefix(2);
      if (!text.empty() && text[0] == '_') text.remove_prefix(1);
    }
  }
  const auto digits = without_underscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  const bool has_leading_zero = digits->size() > 1 && (*digits)[0] == '0';
  if (base == 0 && has_leading_zero && digits->find_first_not_of('0') != std::string::npos)
    return std::nullopt;
  if (base == 0) base = 10;
  Int value = 0;
  for (const char c : *digits) {
    if (digit_value(c) >= base) return std::nullopt;
    value = checked_add(checked_multiply(value, base), digit_value(c));
  }
  return negative ? -value : value;
}

std::optional<double> parse_float(std::string_view text) {
  const auto digits = without_underscores(trimmed(text));
  if (!digits || digits->empty()) return std::nullopt;
  std::string_view rest = *digits;
  const bool negative = rest[0] == '-';
  if (rest[0] == '+' || rest[0] == '-') rest.remove_prefix(1);
  if (rest.empty() || rest[0] == '+' || rest[0] == '-') return std::nullopt;
  if ((rest[0] | 0x20) == 'n' && rest.find('(') != std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (read.ptr != rest.data() + rest.size()) return std::nullopt;
  if (read.ec == std::errc::result_out_of_range) {
    const std::size_t e = rest.find_first_of("eE");
    const bool tiny =
        e != std::string_view::npos && rest.substr(e).find('-') != std::string_view::npos;
    value = tiny ? 0 : std::numeric_limits<double>::infinity();
  } else if (read.ec != std::errc()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

Int checked_add(Int a, Int b) {
  Int result = 0;
  const bool overflow = __builtin_add_overflow(a, b, &result);
  return checked(overflow, result);
}

Int checked_subtract(Int a, Int b) {
  Int result = 0;
  const bool overflow = __builtin_sub_overflow(a, b, &result);
  return checked(overflow, result);
}

Int checked_multiply(Int a, Int b) {
  Int result = 0;
  const bool overflow = __builtin_mul_overflow(a, b, &result);
  return checked(overflow, result);
}

Int truncate_to_int(double value) {
  if (!std::isfinite(value))
    raise_value("cannot convert float " + show_float(value) + " to integer.");
  if (std::abs(value) >= 0x1p126) raise_too_large();
  return static_cast<Int>(value);
}

}  // namespace hearth::engine::jinja

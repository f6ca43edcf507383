#include "engine/text/jinja/format_spec.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/numbers.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

std::string in_base(Int value, int base, bool upper) {
  if (value == 0) return "0";
  std::string digits;
  for (; value != 0; value /= base)
    digits += (upper ? "0123456789ABCDEF" : "0123456789abcdef")[static_cast<int>(value % base)];
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string with_groups(std::string digits) {
  const std::size_t end = std::min(digits.find_first_not_of("0123456789"), digits.size());
  for (std::size_t at = end; at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

// The digits of a float without sign: %f, %e, %g as C prints them.
std::string float_digits(double value, const FormatSpec& spec) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return "inf";
  if (spec.type == '\0' && spec.precision < 0) return show_float(value);
  const bool is_percent = spec.type == '%';
  const char type = is_percent ? 'f' : spec.type == '\0' ? 'g' : spec.type == 'F' ? 'f' : spec.type;
  const char format[] = {'%',
                         spec.alternate ? '#' : '.',
                         spec.alternate ? '.' : '*',
                         spec.alternate ? '*' : type,
                         spec.alternate ? type : '\0',
                         '\0'};
  const long precision = spec.precision < 0 ? 6 : std::min(spec.precision, 300L);
  std::string buffer(700, '\0');
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int written = std::snprintf(buffer.data(), buffer.size(), format,
                                    static_cast<int>(precision), is_percent ? value * 100 : value);
#pragma GCC diagnostic pop
  buffer.resize(
      static_cast<std::size_t>(std::clamp(written, 0, static_cast<int>(buffer.size()) - 1)));
  return is_percent ? buffer + "%" : buffer;
}

std::string int_digits(Int magnitude, const FormatSpec& spec) {
  switch (spec.type) {
    case 'x':
      return (spec.alternate ? "0x" : "") + in_base(magnitude, 16, false);
    case 'X':
      return (spec.alternate ? "0X" : "") + in_base(magnitude, 16, true);
    case 'o':
      return (spec.alternate ? "0o" : "") + in_base(magnitude, 8, false);
    case 'b':
      return (spec.alternate ? "0b" : "") + in_base(magnitude, 2, false);
    default:
      return show_int(magnitude);
  }
}

MarkedText padded(const MarkedText& text, const FormatSpec& spec, char default_align,
                  Budget& budget) {
  const char align = spec.align == '\0' ? default_align : spec.align;
  const auto length = static_cast<long>(count_chars(text.text()));
  if (spec.width <= length) return text;
  const long missing = spec.width - length;
  const long left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  return TextBuilder(budget)
      .add_repeated(spec.fill, static_cast<std::size_t>(left))
      .add(text)
      .add_repeated(spec.fill, static_cast<std::size_t>(missing - left))
      .take();
}

}  // namespace

void raise_too_wide() {
  raise(ErrorCode::template_limit,
        "The chat template formats a value wider than " + std::to_string(kFormatWidthMax) + ".");
}

long read_format_number(std::string_view text, std::size_t& at) {
  long value = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    value = value * 10 + (text[at] - '0');
    if (value > kFormatWidthMax) raise_too_wide();
  }
  return value;
}

MarkedText format_number(const Value& value, const FormatSpec& spec, Budget& budget) {
  const bool is_float_type =
      std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos && spec.type != '\0';
  const auto whole = integer_of(value);
  const bool as_float = is_float_type || !whole;
  const double number = *number_of(value);
  const bool negative = as_float ? std::signbit(number) : *whole < 0;
  std::string digits = as_float ? float_digits(std::abs(number), spec)
                                : int_digits(negative ? -*whole : *whole, spec);
  if (!as_float && spec.precision > static_cast<long>(digits.size())) {
    digits.insert(0, static_cast<std::size_t>(spec.precision) - digits.size(), '0');
  }
  if (spec.grouped) digits = with_groups(digits);
  const std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  if (spec.align == '=') {
    FormatSpec inner = spec;
    inner.width -= static_cast<long>(sign.size());
    return TextBuilder(budget)
        .add(sign, value.origin)
        .add(padded(MarkedText(digits, value.origin), inner, '>', budget))
        .take();
  }
  return padded(MarkedText(sign + digits, value.origin), spec, '>', budget);
}

MarkedText format_text(const MarkedText& text, const FormatSpec& spec, char default_align,
                       Budget& budget) {
  const MarkedText cut =
      spec.precision >= 0 ? slice_chars(text, 0, static_cast<std::size_t>(spec.precision)) : text;
  return padded(cut, spec, default_align, budget);
}

}  // namespace hearth::engine::jinja

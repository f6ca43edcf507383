#include "engine/text/jinja/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/numbers.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/printing.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

constexpr long kWidthMax = 4096;

// One conversion, of either way: "%-08.3f" or "{:>+8.3f}".
struct Spec {
  MarkedText fill{" ", Origin::from_template};
  char align = '\0';  // '<', '>', '^', '=' or none
  char sign = '-';
  bool alternate = false;
  bool grouped = false;
  long width = 0;
  long precision = -1;
  char type = '\0';
};

[[noreturn]] void raise_too_wide() {
  raise(ErrorCode::template_limit,
        "The chat template formats a value wider than " + std::to_string(kWidthMax) + ".");
}

// Digits at `at`; moves past them.
long read_number(std::string_view text, std::size_t& at) {
  long value = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    value = value * 10 + (text[at] - '0');
    if (value > kWidthMax) raise_too_wide();
  }
  return value;
}

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
std::string float_digits(double value, const Spec& spec) {
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

std::string int_digits(Int magnitude, const Spec& spec) {
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

MarkedText padded(const MarkedText& text, const Spec& spec, char default_align, Budget& budget) {
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

MarkedText format_number(const Value& value, const Spec& spec, Budget& budget) {
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
    Spec inner = spec;
    inner.width -= static_cast<long>(sign.size());
    return TextBuilder(budget)
        .add(sign, value.origin)
        .add(padded(MarkedText(digits, value.origin), inner, '>', budget))
        .take();
  }
  return padded(MarkedText(sign + digits, value.origin), spec, '>', budget);
}

MarkedText format_text(const MarkedText& text, const Spec& spec, char default_align,
                       Budget& budget) {
  const MarkedText cut =
      spec.precision >= 0 ? slice_chars(text, 0, static_cast<std::size_t>(spec.precision)) : text;
  return padded(cut, spec, default_align, budget);
}

// Where % takes its values from.
class PercentArguments {
 public:
  PercentArguments(const Value& right, Budget& budget) : right_(right), budget_(budget) {
    const auto* sequence = right.object<Sequence>();
    is_tuple_ = sequence != nullptr && sequence->kind == SequenceKind::tuple;
    count_ = is_tuple_ ? sequence->items.size() : 1;
  }

  const Value& next() {
    if (next_ >= count_) raise_type("not enough arguments for format string.");
    return is_tuple_ ? right_.object<Sequence>()->items[next_++] : (++next_, right_);
  }

  const Value& named(const std::string& name) {
    const auto* dict = right_.object<const Dict>();
    if (dict == nullptr) raise_type("format requires a mapping.");
    budget_.step();
    next_ = count_;
    const Value* value = dict->find(name);
    if (value == nullptr) raise_value("the format names '" + name + "', which is not there.");
    return *value;
  }

  void check_all_used() const {
    if (next_ < count_ && !right_.object<const Dict>() &&
        (is_tuple_ || !right_.object<Sequence>())) {
      raise_type("not all arguments converted during string formatting.");
    }
  }

 private:
  const Value& right_;
  Budget& budget_;
  bool is_tuple_ = false;
  std::size_t count_ = 0;
  std::size_t next_ = 0;
};

Spec read_percent_spec(std::string_view text, std::size_t& at, PercentArguments& arguments) {
  Spec spec;
  bool is_left = false;
  bool has_zero = false;
  for (; at < text.size() && std::string_view("-+ #0").find(text[at]) != std::string_view::npos;
       ++at) {
    is_left |= text[at] == '-';
    has_zero |= text[at] == '0';
    spec.alternate |= text[at] == '#';
    if (text[at] == '+' || (text[at] == ' ' && spec.sign != '+')) spec.sign = text[at];
  }
  const auto read = [&] {
    if (at >= text.size() || text[at] != '*') return read_number(text, at);
    ++at;
    const auto given = integer_of(arguments.next());
    if (!given) raise_type("* wants int.");
    if (*given > kWidthMax || *given < -kWidthMax) raise_too_wide();
    return static_cast<long>(*given);
  };
  spec.width = read();
  if (spec.width < 0) is_left = true;
  spec.width = std::abs(spec.width);
  if (at < text.size() && text[at] == '.') {
    ++at;
    spec.precision = std::max(read(), 0L);
  }
  while (at < text.size() && (text[at] == 'h' || text[at] == 'l' || text[at] == 'L')) ++at;
  if (at >= text.size()) raise_value("incomplete format.");
  spec.type = text[at++];
  spec.align = is_left ? '<' : '\0';
  if (has_zero && !is_left) {
    spec.align = '=';
    spec.fill = MarkedText("0", Origin::from_template);
  }
  return spec;
}

MarkedText convert_percent(const Value& value, Spec spec, bool escapes, Budget& budget) {
  const auto as_text = [&](MarkedText text) {
    if (escapes && !(value.text() && value.object<const Str>()->is_markup))
      text = escape_html(text, budget);
    spec.align = spec.align == '=' ? '>' : spec.align;
    if (spec.align == '>') spec.fill = MarkedText(" ", Origin::from_template);
    return format_text(text, spec, '>', budget);
  };
  switch (spec.type) {
    case 's':
      return as_text(show(value, budget));
    case 'r':
    case 'a':
      return as_text(represent(value, budget));
    case 'c':
      return as_text(value.text() ? *value.text() : MarkedText());
    default:
      break;
  }
  if (std::string_view("diuxXoeEfFgG").find(spec.type) == std::string_view::npos) {
    raise_value("unsupported format character '" + std::string(1, spec.type) + "'.");
  }
  if (!number_of(value)) {
    if (const auto* undefined = value.object<const Undefined>(); undefined && spec.type != 'x')
      raise_undefined(*undefined);
    raise_type("a number is required, not " + std::string(type_name(value)) + ".");
  }
  const bool is_whole = std::string_view("diuxXo").find(spec.type) != std::string_view::npos;
  if (is_whole && !integer_of(value)) {
    return format_number(make_int(truncate_to_int(*number_of(value)), value.origin), spec, budget);
  }
  return format_number(value, spec, budget);
}

}  // namespace

Value format_percent(const Value& format, const Value& right, Budget& budget) {
  const Str& str = *format.object<const Str>();
  const std::string_view text = str.text.text();
  PercentArguments arguments(right, budget);
  TextBuilder result(budget);
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t percent = std::min(text.find('%', at), text.size());
    result.add(str.text.slice(at, percent));
    if (percent == text.size()) break;
    budget.step();
    at = percent + 1;
    if (at < text.size() && text[at] == '%') {
      result.add(str.text.slice(at, at + 1));
      ++at;
      continue;
    }
    std::optional<std::string> name;
    if (at < text.size() && text[at] == '(') {
      const std::size_t close = text.find(')', at);
      if (close == std::string_view::npos) raise_value("incomplete format key.");
      name = text.substr(at + 1, close - at - 1);
      at = close + 1;
    }
    const Spec spec = read_percent_spec(text, at, arguments);
    result.add(convert_percent(name ? arguments.named(*name) : arguments.next(), spec,
                               str.is_markup, budget));
  }
  arguments.check_all_used();
  return make_text(result.take(), str.is_markup);
}

namespace {

// [[fill]align][sign][#][0][width][,][.precision][type]
Spec read_brace_spec(const MarkedText& marked) {
  const std::string_view text = marked.text();
  Spec spec;
  std::size_t at = 0;
  const auto is_align = [&](std::size_t i) {
    return i < text.size() && std::string_view("<>^=").find(text[i]) != std::string_view::npos;
  };
  const std::size_t first = text.empty() ? 0 : decode_at(text, 0).bytes;
  if (is_align(first) && first > 0) {
    spec.fill = marked.slice(0, first);
    spec.align = text[first];
    at = first + 1;
  } else if (is_align(0)) {
    spec.align = text[0];
    at = 1;
  }
  if (at < text.size() && std::string_view("+- ").find(text[at]) != std::string_view::npos)
    spec.sign = text[at++];
  if (at < text.size() && text[at] == '#') spec.alternate = true, ++at;
  if (at < text.size() && text[at] == '0') {
    ++at;
    if (spec.align == '\0') {
      spec.align = '=';
      spec.fill = MarkedText("0", Origin::from_template);
    }
  }
  spec.width = read_number(text, at);
  if (at < text.size() && (text[at] == ',' || text[at] == '_')) spec.grouped = true, ++at;
  if (at < text.size() && text[at] == '.') {
    ++at;
    spec.precision = read_number(text, at);
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size()) raise_value("invalid format specifier.");
  return spec;
}

MarkedText apply_brace_spec(const Value& value, const MarkedText& marked, Budget& budget) {
  if (marked.empty()) return show(value, budget);
  const Spec spec = read_brace_spec(marked);
  const bool is_text_type = spec.type == '\0' || spec.type == 's';
  if (value.text() && is_text_type) {
    if (spec.align == '=') raise_value("'=' alignment not allowed in string format specifier.");
    return format_text(*value.text(), spec, '<', budget);
  }
  const bool is_number_type =
      std::string_view("bdoxXneEfFgG%").find(spec.type) != std::string_view::npos;
  if (!number_of(value))
    raise_type("unsupported format string for " + std::string(type_name(value)) + ".");
  if (!is_number_type && spec.type != '\0')
    raise_value("unknown format code '" + std::string(1, spec.type) + "'.");
  if (value.as<bool>() && spec.type == '\0')
    return format_text(show(value, budget), spec, '<', budget);
  return format_number(value, spec, budget);
}

// Reads the replacement fields of one format string.
class BraceFormatter {
 public:
  BraceFormatter(const Str& format, const Arguments& arguments, Budget& budget)
      : format_(format),
        text_(format.text.text()),
        arguments_(arguments),
        budget_(budget),
        result_(budget) {}

  MarkedText run() {
    while (at_ < text_.size()) {
      const std::size_t brace = std::min(text_.find_first_of("{}", at_), text_.size());
      result_.add(format_.text.slice(at_, brace));
      if (brace == text_.size()) break;
      budget_.step();
      at_ = brace + 1;
      if (at_ < text_.size() && text_[at_] == text_[brace]) {
        result_.add(format_.text.slice(brace, at_));
        ++at_;
      } else if (text_[brace] == '}') {
        raise_value("Single '}' encountered in format string.");
      } else {
        run_field();
      }
    }
    return result_.take();
  }

 private:
  void run_field() {
    const std::size_t close = text_.find('}', at_);
    if (close == std::string_view::npos) raise_value("expected '}' before end of string.");
    const std::size_t colon = std::min(text_.find(':', at_), close);
    const std::size_t bang = std::min(text_.find('!', at_), colon);
    if (text_.substr(at_, close - at_).find('{') != std::string_view::npos) {
      raise_runtime("nested format fields are not part of the language of chat templates.");
    }
    Value value = lookup(text_.substr(at_, bang - at_));
    const std::string_view conversion = text_.substr(bang, colon - bang);
    if (conversion == "!r" || conversion == "!a") value = make_text(represent(value, budget_));
    if (conversion == "!s") value = make_text(show(value, budget_));
    const MarkedText spec = colon < close ? format_.text.slice(colon + 1, close) : MarkedText();
    MarkedText shown = apply_brace_spec(value, spec, budget_);
    const bool escapes =
        format_.is_markup && !(value.text() && value.object<const Str>()->is_markup);
    result_.add(escapes ? escape_html(shown, budget_) : shown);
    at_ = close + 1;
  }

  // "", "0", "name", "name.attribute", "name[0]".
  Value lookup(std::string_view field) {
    const std::size_t end = std::min(field.find_first_of(".["), field.size());
    Value value = first_value(std::string(field.substr(0, end)));
    for (std::size_t at = end; at < field.size();) {
      budget_.step();
      if (field[at] == '.') {
        const std::size_t stop = std::min(field.find_first_of(".[", at + 1), field.size());
        value = get_attribute(value, field.substr(at + 1, stop - at - 1), budget_);
        at = stop;
      } else {
        const std::size_t stop = field.find(']', at);
        if (field[at] != '[' || stop == std::string_view::npos)
          raise_value("malformed format field.");
        const std::string key(field.substr(at + 1, stop - at - 1));
        const bool is_index =
            !key.empty() && key.find_first_not_of("0123456789") == std::string::npos;
        value = get_item(value, is_index ? make_int(parse_int(key).value_or(0)) : make_text(key),
                         budget_);
        at = stop + 1;
      }
    }
    return value;
  }

  Value first_value(const std::string& name) {
    const bool is_index = name.find_first_not_of("0123456789") == std::string::npos;
    if (is_index) {
      const Int index = name.empty() ? static_cast<Int>(next_++) : parse_int(name).value_or(0);
      if (index >= static_cast<Int>(arguments_.positional.size())) {
        raise_value("Replacement index out of range for positional args tuple.");
      }
      return arguments_.positional[static_cast<std::size_t>(index)];
    }
    for (const auto& [known, value] : arguments_.named) {
      if (known == name) return value;
    }
    raise_value("the format names '" + name + "', which was not given.");
  }

  const Str& format_;
  std::string_view text_;
  const Arguments& arguments_;
  Budget& budget_;
  TextBuilder result_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;
};

}  // namespace

Value format_braces(const Value& format, const Arguments& arguments, Budget& budget) {
  const Str& str = *format.object<const Str>();
  return make_text(BraceFormatter(str, arguments, budget).run(), str.is_markup);
}

}  // namespace hearth::engine::jinja

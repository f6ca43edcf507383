// "%s" % value.
#include <algorithm>
#include <cmath>
#include <string>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/format_spec.h"
#include "engine/text/jinja/numbers.h"
#include "engine/text/jinja/printing.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

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

FormatSpec read_percent_spec(std::string_view text, std::size_t& at, PercentArguments& arguments) {
  FormatSpec spec;
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
    if (at >= text.size() || text[at] != '*') return read_format_number(text, at);
    ++at;
    const auto given = integer_of(arguments.next());
    if (!given) raise_type("* wants int.");
    if (*given > kFormatWidthMax || *given < -kFormatWidthMax) raise_too_wide();
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

MarkedText convert_percent(const Value& value, FormatSpec spec, bool escapes, Budget& budget) {
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
    const FormatSpec spec = read_percent_spec(text, at, arguments);
    result.add(convert_percent(name ? arguments.named(*name) : arguments.next(), spec,
                               str.is_markup, budget));
  }
  arguments.check_all_used();
  return make_text(result.take(), str.is_markup);
}

}  // namespace hearth::engine::jinja

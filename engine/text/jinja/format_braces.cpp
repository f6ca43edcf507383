// "{}".format(value).
#include <algorithm>
#include <string>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/format_spec.h"
#include "engine/text/jinja/numbers.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/printing.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

// [[fill]align][sign][#][0][width][,][.precision][type]
FormatSpec read_brace_spec(const MarkedText& marked) {
  const std::string_view text = marked.text();
  FormatSpec spec;
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
  spec.width = read_format_number(text, at);
  if (at < text.size() && (text[at] == ',' || text[at] == '_')) spec.grouped = true, ++at;
  if (at < text.size() && text[at] == '.') {
    ++at;
    spec.precision = read_format_number(text, at);
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size()) raise_value("invalid format specifier.");
  return spec;
}

MarkedText apply_brace_spec(const Value& value, const MarkedText& marked, Budget& budget) {
  if (marked.empty()) return show(value, budget);
  const FormatSpec spec = read_brace_spec(marked);
  const bool is_text_type = spec.type == '\0' || spec.type == 's';
  if (value.text() && is_text_type) {
    if (spec.align == '=') raise_value("'=' alignment not allowed in string format specifier.");
    return format_text(*value.text(), spec, '<', budget);
  }
  const bool is_number_type =
      std::string_view("bdoxXneEfFgG%").find(spec.type) != std::string_view::npos;
  if (value.text() && is_number_type) {
    raise_value("unknown format code '" + std::string(1, spec.type) + "' for a string.");
  }
  if (!number_of(value))
    raise_type("unsupported format string for " + std::string(type_name(value)) + ".");
  if (!is_number_type && spec.type != '\0')
    raise_value("unknown format code '" + std::string(1, spec.type) + "'.");
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

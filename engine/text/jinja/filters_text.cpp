// Filters that turn text into text.
#include <algorithm>
#include <string>

#include "engine/text/jinja/arguments.h"
#include "engine/text/jinja/builtin_tables.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/printing.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

template <MarkedText (*kOperation)(const MarkedText&, Budget&)>
Value mapped(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("filter", arguments, {"s"}, 1);
  const Str str = soft_text(bound[0], interpreter.budget());
  return make_text(kOperation(str.text, interpreter.budget()), str.is_markup);
}

Value title(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("title", arguments, {"s"}, 1);
  return make_text(
      title_filter(soft_text(bound[0], interpreter.budget()).text, interpreter.budget()));
}

Value trim(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("trim", arguments, {"value", "chars"}, 1);
  const Str str = soft_text(bound[0], interpreter.budget());
  return make_text(strip(str.text, bound.optional_text(1), Side::both), str.is_markup);
}

Value replace_filter(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("replace", arguments, {"s", "old", "new", "count"}, 3);
  Budget& budget = interpreter.budget();
  const long count = bound.is_none(3) ? -1 : bound.small(3, -1);
  return make_text(replace(show(bound[0], budget), show(bound[1], budget).text(),
                           show(bound[2], budget), count, budget));
}

Value center(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("center", arguments, {"value", "width"}, 1);
  const Str str = soft_text(bound[0], interpreter.budget());
  const MarkedText space(" ", Origin::from_template);
  return make_text(pad(str.text, Side::both, bound.small(1, 80), space, interpreter.budget()),
                   str.is_markup);
}

MarkedText indentation(const BoundArguments& bound, Budget& budget) {
  if (bound.has(1) && bound[1].text()) return *bound[1].text();
  if (bound.has(1) && bound[1].is_undefined()) raise_undefined(*bound[1].object<const Undefined>());
  const auto width = static_cast<std::size_t>(std::max(bound.small(1, 4), 0L));
  return TextBuilder(budget).add_repeated(MarkedText(" ", Origin::from_template), width).take();
}

Value indent(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("indent", arguments, {"s", "width", "first", "blank"}, 1);
  Budget& budget = interpreter.budget();
  const MarkedText spaces = indentation(bound, budget);
  const bool blank = bound.flag(3, false);
  if (bound[0].object<Sequence>()) raise_value("indent needs a string.");
  const Value text = apply_binary(BinaryOp::add, bound[0], make_text("\n"), budget);
  if (!text.text()) raise_type("indent needs a string.");
  const std::vector<MarkedText> lines = split_lines(*text.text(), false, budget);
  TextBuilder result(budget);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) result.add("\n");
    const bool is_indented = i == 0 ? bound.flag(2, false) : blank || !lines[i].empty();
    if (is_indented) result.add(spaces);
    result.add(lines[i]);
  }
  return make_text(result.take(), bound[0].object<const Str>()->is_markup);
}

Value truncate(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("truncate", arguments, {"s", "length", "killwords", "end", "leeway"},
                             1);
  const long length = bound.small(1, 255);
  const MarkedText end = bound.has(3) ? bound.text(3) : MarkedText("...", Origin::from_template);
  const long leeway = bound.is_none(4) ? 5 : bound.small(4, 5);
  const long end_length = static_cast<long>(count_chars(end.text()));
  if (length < end_length || leeway < 0)
    raise_value("truncate: the length is too small, or the leeway negative.");
  if (static_cast<long>(length_of(bound[0])) <= length + leeway) return bound[0];
  const MarkedText& text = bound.text(0);
  MarkedText kept = slice_chars(text, 0, static_cast<std::size_t>(length - end_length));
  if (!bound.flag(2, false)) {
    const std::size_t space = kept.text().rfind(' ');
    if (space != std::string::npos) kept = kept.slice(0, space);
  }
  return make_text(TextBuilder(interpreter.budget()).add(kept).add(end).take());
}

Value wordcount(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("wordcount", arguments, {"s"}, 1);
  const Str str = soft_text(bound[0], interpreter.budget());
  Int words = 0;
  bool inside = false;
  for_each_char(str.text, [&](CodePoint point, std::size_t, Origin) {
    const bool is_word = point.value == '_' || is_letter(point.value) || is_numeric(point.value);
    if (is_word && !inside) ++words;
    inside = is_word;
  });
  return make_int(words);
}

Value format_filter(Interpreter& interpreter, Arguments& arguments) {
  Budget& budget = interpreter.budget();
  const Str str = soft_text(arguments.positional[0], budget);
  std::vector<Value> items(arguments.positional.begin() + 1, arguments.positional.end());
  if (!items.empty() && !arguments.named.empty()) {
    raise_runtime("format cannot take positional and keyword arguments at the same time.");
  }
  if (arguments.named.empty()) {
    return format_percent(make_text(str.text, str.is_markup),
                          make_sequence(SequenceKind::tuple, items, budget), budget);
  }
  Dict named;
  for (const auto& [name, value] : arguments.named) named.set(make_text(name), value);
  return format_percent(make_text(str.text, str.is_markup), make_dict(std::move(named), budget),
                        budget);
}

Value unsupported(Interpreter&, Arguments&) {
  raise_runtime("this filter is not part of the language of chat templates.");
}

constexpr NamedBuiltin kFilters[] = {
    {"upper", mapped<to_upper>},
    {"lower", mapped<to_lower>},
    {"capitalize", mapped<capitalize>},
    {"title", title},
    {"trim", trim},
    {"replace", replace_filter},
    {"center", center},
    {"indent", indent},
    {"truncate", truncate},
    {"wordcount", wordcount},
    {"format", format_filter},
    {"wordwrap", unsupported},
    {"urlize", unsupported},
    {"pprint", unsupported},
    {"random", unsupported},
};

}  // namespace

std::span<const NamedBuiltin> text_filters() { return kFilters; }

Str soft_text(const Value& value, Budget& budget) {
  if (const Str* str = value.object<const Str>()) return *str;
  return {show(value, budget), false};
}

}  // namespace hearth::engine::jinja

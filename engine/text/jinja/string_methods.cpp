// Python's str methods that make texts. Those that answer with a number or a truth value are in
// string_questions.cpp.
#include <algorithm>
#include <string>
#include <unordered_map>

#include "engine/text/jinja/arguments.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/methods.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

const Str& str_of(const Value& self) { return *self.object<const Str>(); }

// A text of the same kind as self: markup stays markup.
Value like(const Value& self, MarkedText text) {
  return make_text(std::move(text), str_of(self).is_markup);
}

Value list_like(const Value& self, std::vector<MarkedText> parts, SequenceKind kind,
                Budget& budget) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (MarkedText& part : parts) items.push_back(like(self, std::move(part)));
  return make_sequence(kind, std::move(items), budget);
}

// An argument that joins self: markup escapes it.
MarkedText joining(const Value& self, const Value& argument, Budget& budget) {
  const Str* str = argument.object<const Str>();
  if (str == nullptr)
    raise_type("expected a string, got " + std::string(type_name(argument)) + ".");
  return str_of(self).is_markup && !str->is_markup ? escape_html(str->text, budget) : str->text;
}

template <MarkedText (*kOperation)(const MarkedText&, Budget&)>
Value mapped(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("str method", arguments, {}, 0);
  return like(self, kOperation(str_of(self).text, interpreter.budget()));
}

template <Side kSide>
Value stripped(Interpreter&, const Value& self, Arguments& arguments) {
  const BoundArguments bound("strip", arguments, {"chars"}, 0);
  return like(self, strip(str_of(self).text, bound.optional_text(0), kSide));
}

template <auto kSplit>
Value split_with(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("split", arguments, {"sep", "maxsplit"}, 0);
  Budget& budget = interpreter.budget();
  return list_like(self,
                   kSplit(str_of(self).text, bound.optional_text(0), bound.small(1, -1), budget),
                   SequenceKind::list, budget);
}

Value splitlines(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("splitlines", arguments, {"keepends"}, 0);
  Budget& budget = interpreter.budget();
  return list_like(self, split_lines(str_of(self).text, bound.flag(0, false), budget),
                   SequenceKind::list, budget);
}

Value replaced(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("replace", arguments, {"old", "new", "count"}, 2);
  Budget& budget = interpreter.budget();
  return like(self, replace(str_of(self).text, bound.text(0).text(),
                            joining(self, bound[1], budget), bound.small(2, -1), budget));
}

Value joined(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("join", arguments, {"iterable"}, 1);
  Budget& budget = interpreter.budget();
  std::vector<MarkedText> parts;
  for (const Value& item : iterate(bound[0], budget)) {
    parts.push_back(joining(self, item, budget));
  }
  return like(self, join(str_of(self).text, parts, budget));
}

template <Side kSide>
Value padded(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("justify", arguments, {"width", "fillchar"}, 1);
  const MarkedText fill = bound.has(1) ? bound.text(1) : MarkedText(" ", Origin::from_template);
  return like(self, pad(str_of(self).text, kSide, bound.small(0, 0), fill, interpreter.budget()));
}

Value zfill(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("zfill", arguments, {"width"}, 1);
  const MarkedText& text = str_of(self).text;
  const MarkedText zero("0", Origin::from_template);
  const bool has_sign = !text.empty() && (text.text()[0] == '-' || text.text()[0] == '+');
  const std::size_t sign = has_sign ? 1 : 0;
  const MarkedText digits = text.slice(sign, text.text().size());
  const long width = bound.small(0, 0) - static_cast<long>(sign);
  return like(self, TextBuilder(interpreter.budget())
                        .add(text.slice(0, sign))
                        .add(pad(digits, Side::right, width, zero, interpreter.budget()))
                        .take());
}

template <bool kFromRight>
Value partitioned(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("partition", arguments, {"sep"}, 1);
  const MarkedText& text = str_of(self).text;
  const std::string& separator = bound.text(0).text();
  if (separator.empty()) raise_value("empty separator.");
  const std::size_t hit = kFromRight ? text.text().rfind(separator) : text.text().find(separator);
  std::vector<MarkedText> parts(3);
  if (hit == std::string::npos) {
    parts[kFromRight ? 2 : 0] = text;
  } else {
    parts = {text.slice(0, hit), text.slice(hit, hit + separator.size()),
             text.slice(hit + separator.size(), text.text().size())};
  }
  return list_like(self, std::move(parts), SequenceKind::tuple, interpreter.budget());
}

template <bool kIsEnd>
Value without_affix(Interpreter&, const Value& self, Arguments& arguments) {
  const BoundArguments bound("removeprefix", arguments, {"affix"}, 1);
  const MarkedText& text = str_of(self).text;
  const std::string& affix = bound.text(0).text();
  const std::size_t size = text.text().size();
  if (kIsEnd) {
    return like(self, text.text().ends_with(affix) ? text.slice(0, size - affix.size()) : text);
  }
  return like(self, text.text().starts_with(affix) ? text.slice(affix.size(), size) : text);
}

Value expand_tabs(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("expandtabs", arguments, {"tabsize"}, 0);
  const long size = bound.small(0, 8);
  TextBuilder result(interpreter.budget());
  long column = 0;
  for_each_char(str_of(self).text, [&](CodePoint point, std::size_t at, Origin origin) {
    if (point.value == '\t') {
      const long missing = size > 0 ? size - column % size : 0;
      result.add_repeated(MarkedText(" ", origin), static_cast<std::size_t>(missing));
      column += missing;
      return;
    }
    result.add(str_of(self).text.text().substr(at, point.bytes), origin);
    column = point.value == '\n' || point.value == '\r' ? 0 : column + 1;
  });
  return like(self, result.take());
}

Value encode(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("encode", arguments, {"encoding", "errors"}, 0);
  const auto encoding = bound.optional_text(0).value_or("utf-8");
  if (encoding != "utf-8" && encoding != "utf8" && encoding != "UTF-8") {
    raise_value("only the encoding utf-8 is supported.");
  }
  Budget& budget = interpreter.budget();
  const std::string& bytes = str_of(self).text.text();
  budget.make_items(bytes.size());
  std::vector<Value> items;
  for_each_char(str_of(self).text, [&](CodePoint point, std::size_t at, Origin origin) {
    for (std::size_t i = at; i < at + point.bytes; ++i) {
      items.push_back(make_int(static_cast<unsigned char>(bytes[i]), origin));
    }
  });
  return make_sequence(SequenceKind::bytes, std::move(items), budget);
}

Value formatted(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  return format_braces(self, arguments, interpreter.budget());
}

Value unsupported(Interpreter&, const Value&, Arguments&) {
  raise_runtime("this string method is not part of the language of chat templates.");
}

const std::unordered_map<std::string_view, Method>& methods() {
  static const std::unordered_map<std::string_view, Method> kMethods = {
      {"upper", mapped<to_upper>},
      {"lower", mapped<to_lower>},
      {"title", mapped<title_words>},
      {"capitalize", mapped<capitalize>},
      {"swapcase", mapped<swap_case>},
      {"casefold", mapped<fold_case>},
      {"strip", stripped<Side::both>},
      {"lstrip", stripped<Side::left>},
      {"rstrip", stripped<Side::right>},
      {"split", split_with<split>},
      {"rsplit", split_with<split_right>},
      {"splitlines", splitlines},
      {"replace", replaced},
      {"join", joined},
      {"center", padded<Side::both>},
      {"ljust", padded<Side::left>},
      {"rjust", padded<Side::right>},
      {"zfill", zfill},
      {"partition", partitioned<false>},
      {"rpartition", partitioned<true>},
      {"removeprefix", without_affix<false>},
      {"removesuffix", without_affix<true>},
      {"expandtabs", expand_tabs},
      {"encode", encode},
      {"format", formatted},
      {"format_map", unsupported},
      {"translate", unsupported},
      {"maketrans", unsupported},
  };
  return kMethods;
}

}  // namespace

Method find_string_method(std::string_view name) {
  const auto found = methods().find(name);
  return found == methods().end() ? find_string_question(name) : found->second;
}

}  // namespace hearth::engine::jinja

// Python's str methods.
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

// The bytes between the characters that the optional arguments start and end name.
struct Window {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t first_char = 0;
  bool is_valid = true;  // false: start lies behind the end, nothing is found there, not even ""
};

Window window_of(std::string_view text, const BoundArguments& bound) {
  const auto length = static_cast<long>(count_chars(text));
  const auto clipped = [&](std::size_t index, long otherwise) {
    const long at = bound.is_none(index) ? otherwise : bound.small(index, otherwise);
    return std::max(at < 0 ? at + length : at, 0L);
  };
  const long start = clipped(1, 0);
  const long end = std::min(clipped(2, length), length);
  if (start > end) return {0, 0, 0, false};
  return {byte_of_char(text, static_cast<std::size_t>(start)),
          byte_of_char(text, static_cast<std::size_t>(end)), static_cast<std::size_t>(start), true};
}

template <bool kIsEnd>
Value starts_or_ends(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound(kIsEnd ? "endswith" : "startswith", arguments,
                             {"prefix", "start", "end"}, 1);
  const std::string_view text = str_of(self).text.text();
  const Window window = window_of(text, bound);
  const std::string_view inside = text.substr(window.begin, window.end - window.begin);
  const auto fits = [&](const Value& candidate) {
    if (!candidate.text())
      raise_type("startswith and endswith take a string or a tuple of strings.");
    const std::string_view affix = candidate.text()->text();
    return window.is_valid && (kIsEnd ? inside.ends_with(affix) : inside.starts_with(affix));
  };
  const auto* tuple = bound[0].object<Sequence>();
  if (tuple == nullptr || tuple->kind != SequenceKind::tuple) {
    return make_bool(fits(bound[0]));
  }
  interpreter.budget().step(tuple->items.size());
  return make_bool(std::any_of(tuple->items.begin(), tuple->items.end(), fits));
}

enum class Search { find, rfind, index, rindex };

template <Search kSearch>
Value search(Interpreter&, const Value& self, Arguments& arguments) {
  const BoundArguments bound("find", arguments, {"sub", "start", "end"}, 1);
  const std::string_view text = str_of(self).text.text();
  const std::string_view wanted = bound.text(0).text();
  const Window window = window_of(text, bound);
  const std::string_view inside = text.substr(window.begin, window.end - window.begin);
  constexpr bool kFromRight = kSearch == Search::rfind || kSearch == Search::rindex;
  const std::size_t hit = !window.is_valid ? std::string_view::npos
                          : kFromRight     ? inside.rfind(wanted)
                                           : inside.find(wanted);
  if (hit != std::string_view::npos) {
    return make_int(static_cast<Int>(window.first_char + count_chars(inside.substr(0, hit))));
  }
  if (kSearch == Search::index || kSearch == Search::rindex) raise_value("substring not found.");
  return make_int(-1);
}

Value count(Interpreter&, const Value& self, Arguments& arguments) {
  const BoundArguments bound("count", arguments, {"sub", "start", "end"}, 1);
  const std::string_view text = str_of(self).text.text();
  const std::string_view wanted = bound.text(0).text();
  const Window window = window_of(text, bound);
  const std::string_view inside = text.substr(window.begin, window.end - window.begin);
  if (wanted.empty())
    return make_int(window.is_valid ? static_cast<Int>(count_chars(inside)) + 1 : 0);
  Int found = 0;
  for (std::size_t at = 0; (at = inside.find(wanted, at)) != std::string_view::npos;
       at += wanted.size())
    ++found;
  return make_int(found);
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

template <bool (*kClass)(char32_t), bool kEmpty>
Value all_chars(Interpreter&, const Value& self, Arguments& arguments) {
  const BoundArguments bound("str method", arguments, {}, 0);
  bool all = true;
  for_each_char(str_of(self).text,
                [&](CodePoint point, std::size_t, Origin) { all = all && kClass(point.value); });
  return make_bool(all && (kEmpty || !str_of(self).text.empty()));
}

bool is_alphanumeric(char32_t value) {
  return is_letter(value) || is_decimal(value) || is_digit(value) || is_numeric(value);
}
bool is_ascii(char32_t value) { return value < 0x80; }

Value is_title(Interpreter&, const Value& self, Arguments& arguments) {
  const BoundArguments bound("istitle", arguments, {}, 0);
  bool inside = false;
  bool any = false;
  bool fits = true;
  for_each_char(str_of(self).text, [&](CodePoint point, std::size_t, Origin) {
    const bool lower = is_lower(point.value);
    if (lower != inside && is_cased(point.value)) fits = false;
    inside = is_cased(point.value);
    any = any || inside;
  });
  return make_bool(fits && any);
}

Value is_identifier(Interpreter&, const Value& self, Arguments& arguments) {
  const BoundArguments bound("isidentifier", arguments, {}, 0);
  bool fits = !str_of(self).text.empty();
  for_each_char(str_of(self).text, [&](CodePoint point, std::size_t at, Origin) {
    fits = fits && (at == 0 ? is_identifier_start(point.value) : is_identifier_part(point.value));
  });
  return make_bool(fits);
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

template <bool (*kWanted)(char32_t), bool (*kRefused)(char32_t)>
Value has_case(Interpreter&, const Value& self, Arguments& arguments) {
  const BoundArguments bound("str method", arguments, {}, 0);
  bool any = false;
  bool fits = true;
  for_each_char(str_of(self).text, [&](CodePoint point, std::size_t, Origin) {
    any = any || kWanted(point.value);
    fits = fits && !kRefused(point.value);
  });
  return make_bool(any && fits);
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
      {"startswith", starts_or_ends<false>},
      {"endswith", starts_or_ends<true>},
      {"find", search<Search::find>},
      {"rfind", search<Search::rfind>},
      {"index", search<Search::index>},
      {"rindex", search<Search::rindex>},
      {"count", count},
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
      {"isalpha", all_chars<is_letter, false>},
      {"isalnum", all_chars<is_alphanumeric, false>},
      {"isdigit", all_chars<is_digit, false>},
      {"isdecimal", all_chars<is_decimal, false>},
      {"isnumeric", all_chars<is_numeric, false>},
      {"isspace", all_chars<is_space, false>},
      {"isascii", all_chars<is_ascii, true>},
      {"isprintable", all_chars<is_printable, true>},
      {"islower", has_case<is_lower, is_upper>},
      {"isupper", has_case<is_upper, is_lower>},
      {"istitle", is_title},
      {"isidentifier", is_identifier},
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
  return found == methods().end() ? nullptr : found->second;
}

}  // namespace hearth::engine::jinja

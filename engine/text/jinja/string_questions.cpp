// Python's str methods that answer with a number or a truth value.
#include <algorithm>
#include <string>
#include <unordered_map>

#include "engine/text/jinja/arguments.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/methods.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

const Str& str_of(const Value& self) { return *self.object<const Str>(); }

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

const std::unordered_map<std::string_view, Method>& questions() {
  static const std::unordered_map<std::string_view, Method> kQuestions = {
      {"startswith", starts_or_ends<false>},
      {"endswith", starts_or_ends<true>},
      {"find", search<Search::find>},
      {"rfind", search<Search::rfind>},
      {"index", search<Search::index>},
      {"rindex", search<Search::rindex>},
      {"count", count},
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
  };
  return kQuestions;
}

}  // namespace

Method find_string_question(std::string_view name) {
  const auto found = questions().find(name);
  return found == questions().end() ? nullptr : found->second;
}

}  // namespace hearth::engine::jinja

// Filters for HTML and URLs: rare in chat templates, but `safe` is not, and it changes what + does.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>

#include "engine/text/jinja/arguments.h"
#include "engine/text/jinja/builtin_tables.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/numbers.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/printing.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

Value safe(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("safe", arguments, {"value"}, 1);
  return make_text(show(bound[0], interpreter.budget()), true);
}

MarkedText escaped(const Value& value, Budget& budget) {
  const Str str = soft_text(value, budget);
  return str.is_markup ? str.text : escape_html(str.text, budget);
}

Value escape(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("escape", arguments, {"s"}, 1);
  return make_text(escaped(bound[0], interpreter.budget()), true);
}

Value force_escape(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("forceescape", arguments, {"value"}, 1);
  return make_text(escape_html(show(bound[0], interpreter.budget()), interpreter.budget()), true);
}

// Drops what stands between < and >, comments whole.
MarkedText without_tags(const MarkedText& text) {
  const std::string& bytes = text.text();
  MarkedText result;
  std::size_t at = 0;
  for (std::size_t open = 0; (open = bytes.find('<', at)) != std::string::npos;) {
    const bool is_comment = bytes.compare(open, 4, "<!--") == 0;
    const std::size_t close = is_comment ? bytes.find("-->", open + 4) : bytes.find('>', open);
    if (close == std::string::npos) break;
    result.append(text.slice(at, open));
    at = close + (is_comment ? 3 : 1);
  }
  result.append(text.slice(at, bytes.size()));
  return result;
}

Value striptags(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("striptags", arguments, {"value"}, 1);
  Budget& budget = interpreter.budget();
  const MarkedText text = without_tags(show(bound[0], budget));
  MarkedText result =
      join(MarkedText(" ", Origin::from_template), split(text, std::nullopt, -1, budget), budget);
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kEntities = {
      {{"&lt;", "<"},
       {"&gt;", ">"},
       {"&quot;", "\""},
       {"&#34;", "\""},
       {"&#39;", "'"},
       {"&amp;", "&"}}};
  for (const auto& [entity, character] : kEntities) {
    result =
        replace(result, entity, MarkedText(std::string(character), origin_of(result)), -1, budget);
  }
  return make_text(std::move(result));
}

MarkedText percent_encoded(const MarkedText& text, bool for_query, Budget& budget) {
  TextBuilder result(budget);
  const auto is_plain = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.-~").find(c) != std::string_view::npos || (c == '/' && !for_query);
  };
  for_each_char(text, [&](CodePoint point, std::size_t at, Origin origin) {
    for (std::size_t i = at; i < at + point.bytes; ++i) {
      const char c = text.text()[i];
      char buffer[4];
      std::snprintf(buffer, sizeof buffer, "%%%02X",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      const bool is_plus = for_query && c == ' ';
      result.add(is_plain(c) ? std::string_view(&c, 1)
                 : is_plus   ? std::string_view("+")
                             : std::string_view(buffer),
                 origin);
    }
  });
  return result.take();
}

Value urlencode(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("urlencode", arguments, {"value"}, 1);
  Budget& budget = interpreter.budget();
  const bool is_container = bound[0].object<const Dict>() || bound[0].object<Sequence>();
  if (!is_container) return make_text(percent_encoded(show(bound[0], budget), false, budget));
  std::vector<std::pair<Value, Value>> pairs;
  if (const auto* dict = bound[0].object<const Dict>()) {
    pairs = dict->entries();
  } else {
    for (const Value& item : iterate(bound[0], budget)) {
      const std::vector<Value> parts = iterate(item, budget);
      if (parts.size() != 2) raise_value("urlencode needs pairs.");
      pairs.emplace_back(parts[0], parts[1]);
    }
  }
  TextBuilder result(budget);
  for (const auto& [key, value] : pairs) {
    if (result.size() > 0) result.add("&");
    result.add(percent_encoded(show(key, budget), true, budget)).add("=");
    result.add(percent_encoded(show(value, budget), true, budget));
  }
  return make_text(result.take());
}

Value xmlattr(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("xmlattr", arguments, {"d", "autospace"}, 1);
  Budget& budget = interpreter.budget();
  const auto* dict = bound[0].object<const Dict>();
  if (const auto* undefined = bound[0].object<const Undefined>()) raise_undefined(*undefined);
  if (dict == nullptr) raise_value("xmlattr needs a mapping.");
  TextBuilder result(budget);
  for (const auto& [key, value] : dict->entries()) {
    if (value.is_none() || value.is_undefined()) continue;
    const MarkedText name = show(key, budget);
    if (name.text().find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      raise_value("xmlattr: an attribute's name has an invalid character.");
    }
    if (result.size() > 0 || bound.flag(1, true)) result.add(" ");
    result.add(escaped(key, budget)).add("=\"").add(escaped(value, budget)).add("\"");
  }
  return make_text(result.take());
}

Value filesizeformat(Interpreter&, Arguments& arguments) {
  const BoundArguments bound("filesizeformat", arguments, {"value", "binary"}, 1);
  const MarkedText* text = bound[0].text();
  const auto number = text ? parse_float(text->text()) : number_of(bound[0]);
  if (!number && text) raise_value("filesizeformat: the text is not a number.");
  if (const auto* undefined = bound[0].object<const Undefined>()) raise_undefined(*undefined);
  if (!number) raise_type("filesizeformat needs a number.");
  const bool binary = bound.flag(1, false);
  const double base = binary ? 1024 : 1000;
  if (*number == 1) return make_text("1 Byte");
  char buffer[64];
  if (*number < base) {
    std::snprintf(buffer, sizeof buffer, "%.0f Bytes", std::trunc(*number));
    return make_text(buffer);
  }
  static constexpr std::string_view kPrefixes = "kMGTPEZY";
  double unit = base;
  std::size_t i = 0;
  while (*number >= unit * base && i + 1 < kPrefixes.size()) {
    unit *= base;
    ++i;
  }
  const char prefix = binary && i == 0 ? 'K' : kPrefixes[i];
  std::snprintf(buffer, sizeof buffer, "%.1f %c%sB", *number / unit, prefix, binary ? "i" : "");
  return make_text(buffer);
}

constexpr NamedBuiltin kFilters[] = {
    {"safe", safe},
    {"escape", escape},
    {"e", escape},
    {"forceescape", force_escape},
    {"striptags", striptags},
    {"urlencode", urlencode},
    {"xmlattr", xmlattr},
    {"filesizeformat", filesizeformat},
};

}  // namespace

std::span<const NamedBuiltin> markup_filters() { return kFilters; }

}  // namespace hearth::engine::jinja

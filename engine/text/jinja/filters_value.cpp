// Filters that convert values: default, int, float, round, string, tojson, attr.
#include <algorithm>
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

Value default_filter(Interpreter&, Arguments& arguments) {
  const BoundArguments bound("default", arguments, {"value", "default_value", "boolean"}, 1);
  const bool replaces = bound[0].is_undefined() || (bound.flag(2, false) && !is_true(bound[0]));
  if (!replaces) return bound[0];
  return bound.has(1) ? bound[1] : make_text("");
}

Origin origin_of_value(const Value& value) {
  return value.text() ? origin_of(*value.text()) : value.origin;
}

Value int_filter(Interpreter&, Arguments& arguments) {
  const BoundArguments bound("int", arguments, {"value", "default", "base"}, 1);
  const Value& value = bound[0];
  if (const auto* undefined = value.object<const Undefined>()) raise_undefined(*undefined);
  const Value otherwise = bound.has(1) ? bound[1] : make_int(0);
  const Origin origin = origin_of_value(value);
  if (const auto whole = integer_of(value)) return make_int(*whole, origin);
  if (const double* number = value.as<double>()) {
    return std::isnan(*number) ? otherwise : make_int(truncate_to_int(*number), origin);
  }
  if (const MarkedText* text = value.text()) {
    const long base = bound.small(2, 10);
    if (base != 0 && (base < 2 || base > 36)) return otherwise;
    if (const auto whole = parse_int(text->text(), static_cast<int>(base)))
      return make_int(*whole, origin);
    const auto number = parse_float(text->text());
    if (number && std::isfinite(*number)) return make_int(truncate_to_int(*number), origin);
  }
  return otherwise;
}

Value float_filter(Interpreter&, Arguments& arguments) {
  const BoundArguments bound("float", arguments, {"value", "default"}, 1);
  const Value& value = bound[0];
  if (const auto* undefined = value.object<const Undefined>()) raise_undefined(*undefined);
  const auto number = value.text() ? parse_float(value.text()->text()) : number_of(value);
  if (number) return make_float(*number, origin_of_value(value));
  return bound.has(1) ? bound[1] : make_float(0);
}

Value abs_filter(Interpreter&, Arguments& arguments) {
  const BoundArguments bound("abs", arguments, {"x"}, 1);
  if (const auto whole = integer_of(bound[0]))
    return make_int(*whole < 0 ? -*whole : *whole, bound[0].origin);
  const double* number = bound[0].as<double>();
  if (number == nullptr)
    raise_type("bad operand type for abs(): '" + std::string(type_name(bound[0])) + "'.");
  return make_float(std::abs(*number), bound[0].origin);
}

// Python's round(): halves go to the even neighbour of the exact value.
double round_float(double value, long precision) {
  if (!std::isfinite(value) || precision > 300) return value;
  if (precision < 0) {
    const double unit = std::pow(10.0, static_cast<double>(std::min(-precision, 308L)));
    return std::nearbyint(value / unit) * unit;
  }
  char buffer[700];
  std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(precision), value);
  return parse_float(buffer).value_or(value);
}

Int round_int(Int value, long precision) {
  if (precision >= 0) return value;
  if (precision < -37) return 0;
  Int unit = 1;
  for (long i = 0; i < -precision; ++i) unit *= 10;
  const Int rest = ((value % unit) + unit) % unit;
  const Int below = value - rest;
  const bool goes_up = rest * 2 > unit || (rest * 2 == unit && (below / unit) % 2 != 0);
  return goes_up ? below + unit : below;
}

Value round_filter(Interpreter&, Arguments& arguments) {
  const BoundArguments bound("round", arguments, {"value", "precision", "method"}, 1);
  const auto method = bound.optional_text(2).value_or("common");
  if (method != "common" && method != "ceil" && method != "floor") {
    raise_runtime("round: the method must be common, ceil or floor.");
  }
  const long precision = bound.small(1, 0);
  const auto number = number_of(bound[0]);
  if (!number) raise_type("round needs a number, got " + std::string(type_name(bound[0])) + ".");
  const Origin origin = bound[0].origin;
  if (method == "common") {
    if (const auto whole = integer_of(bound[0]))
      return make_int(round_int(*whole, precision), origin);
    return make_float(round_float(*number, precision), origin);
  }
  const double unit = std::pow(10.0, static_cast<double>(std::clamp(precision, -300L, 300L)));
  const double scaled = *number * unit;
  return make_float((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit, origin);
}

Value string_filter(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("string", arguments, {"object"}, 1);
  const Str str = soft_text(bound[0], interpreter.budget());
  return make_text(str.text, str.is_markup);
}

Value attr(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("attr", arguments, {"obj", "name"}, 2);
  if (const auto* undefined = bound[0].object<const Undefined>()) raise_undefined(*undefined);
  const std::string& name = bound.text(1).text();
  if (const auto found = find_attribute(bound[0], name, interpreter.budget())) return *found;
  if (name.starts_with("__")) return get_attribute(bound[0], name, interpreter.budget());
  return make_undefined("'" + std::string(type_name(bound[0])) + " object' has no attribute '" +
                        name + "'.");
}

std::string json_indentation(const Value& indent) {
  if (indent.text()) return indent.text()->text();
  const auto width = integer_of(indent);
  if (!width) raise_type("tojson: indent must be a number or a string.");
  return std::string(static_cast<std::size_t>(std::clamp<Int>(*width, 0, 1000)), ' ');
}

Value tojson(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("tojson", arguments,
                             {"x", "ensure_ascii", "indent", "separators", "sort_keys"}, 1);
  JsonStyle style;
  style.ensure_ascii = bound.flag(1, false);
  style.sort_keys = bound.flag(4, false);
  if (!bound.is_none(2)) {
    style.indent = json_indentation(bound[2]);
    style.item_separator = ",";
  }
  if (!bound.is_none(3)) {
    const std::vector<Value> separators = iterate(bound[3], interpreter.budget());
    if (separators.size() != 2) raise_value("tojson: separators must be a pair.");
    if (!separators[0].text() || !separators[1].text())
      raise_type("tojson: separators must be strings.");
    style.item_separator = separators[0].text()->text();
    style.key_separator = separators[1].text()->text();
  }
  return make_text(to_json_text(bound[0], style, interpreter.budget()));
}

constexpr NamedBuiltin kFilters[] = {
    {"default", default_filter}, {"d", default_filter}, {"int", int_filter},
    {"float", float_filter},     {"abs", abs_filter},   {"round", round_filter},
    {"string", string_filter},   {"attr", attr},        {"tojson", tojson},
};

}  // namespace

std::span<const NamedBuiltin> value_filters() { return kFilters; }

}  // namespace hearth::engine::jinja

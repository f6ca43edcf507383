// The tests of `is`.
#include <algorithm>
#include <string>
#include <unordered_map>

#include "engine/text/jinja/arguments.h"
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/methods.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/printing.h"

namespace hearth::engine::jinja {
namespace {

// A test of one value, without arguments.
template <bool (*kPredicate)(const Value&)>
Value unary(Interpreter&, Arguments& arguments) {
  const BoundArguments bound("test", arguments, {"value"}, 1);
  return make_bool(kPredicate(bound[0]));
}

template <CompareOp kOp>
Value comparison(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("test", arguments, {"a", "b"}, 2);
  return make_bool(apply_compare(kOp, bound[0], bound[1], interpreter.budget()));
}

bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_none(const Value& value) { return value.is_none(); }
bool is_boolean(const Value& value) { return value.as<bool>() != nullptr; }
bool is_exactly_true(const Value& value) {
  return value.as<bool>() != nullptr && *value.as<bool>();
}
bool is_exactly_false(const Value& value) {
  return value.as<bool>() != nullptr && !*value.as<bool>();
}
bool is_integer(const Value& value) { return value.as<Int>() != nullptr; }
bool is_float(const Value& value) { return value.as<double>() != nullptr; }
bool is_number(const Value& value) { return number_of(value).has_value(); }
bool is_string(const Value& value) { return value.text() != nullptr; }
bool is_mapping(const Value& value) { return value.object<const Dict>() != nullptr; }
bool is_escaped(const Value& value) {
  return value.text() != nullptr && value.object<const Str>()->is_markup;
}

bool is_callable(const Value& value) {
  return value.object<const Callable>() || value.object<Loop>() || value.is_undefined();
}

bool is_sequence(const Value& value) {
  if (const auto* sequence = value.object<Sequence>()) {
    return sequence->kind == SequenceKind::list || sequence->kind == SequenceKind::tuple ||
           sequence->kind == SequenceKind::group || sequence->kind == SequenceKind::range ||
           sequence->kind == SequenceKind::bytes;
  }
  return value.text() || value.object<const Dict>() || value.is_undefined();
}

bool is_iterable(const Value& value) {
  return value.text() || value.object<const Dict>() || value.object<Sequence>() ||
         value.object<Loop>() || value.is_undefined();
}

bool is_filter_name(const Value& value) {
  return value.text() && find_filter(value.text()->text());
}
bool is_test_name(const Value& value) { return value.text() && find_test(value.text()->text()); }

// islower and isupper of str(value).
template <bool kIsUpper>
Value has_case(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("test", arguments, {"value"}, 1);
  Arguments none;
  const Value text = make_text(show(bound[0], interpreter.budget()));
  return find_string_method(kIsUpper ? "isupper" : "islower")(interpreter, text, none);
}

Value divisible_by(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("divisibleby", arguments, {"value", "num"}, 2);
  const Value rest = apply_binary(BinaryOp::modulo, bound[0], bound[1], interpreter.budget());
  return make_bool(equals(rest, make_int(0)));
}

template <bool kIsOdd>
Value parity(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("parity", arguments, {"value"}, 1);
  const Value rest = apply_binary(BinaryOp::modulo, bound[0], make_int(2), interpreter.budget());
  return make_bool(equals(rest, make_int(kIsOdd ? 1 : 0)));
}

// Identity. Scalars have none of their own here: equal ones of one type are the same.
Value same_as(Interpreter&, Arguments& arguments) {
  const BoundArguments bound("sameas", arguments, {"value", "other"}, 2);
  const Value& a = bound[0];
  const Value& b = bound[1];
  if (a.data.index() != b.data.index()) return make_bool(false);
  if (const auto* sequence = a.object<Sequence>())
    return make_bool(sequence == b.object<Sequence>());
  if (const auto* dict = a.object<const Dict>()) return make_bool(dict == b.object<const Dict>());
  return make_bool(equals(a, b));
}

Value is_in(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("in", arguments, {"value", "seq"}, 2);
  return make_bool(contains(bound[1], bound[0], interpreter.budget()));
}

const std::unordered_map<std::string_view, Builtin>& tests() {
  static const std::unordered_map<std::string_view, Builtin> kTests = {
      {"defined", unary<is_defined>},
      {"undefined", unary<is_undefined>},
      {"none", unary<is_none>},
      {"boolean", unary<is_boolean>},
      {"true", unary<is_exactly_true>},
      {"false", unary<is_exactly_false>},
      {"integer", unary<is_integer>},
      {"float", unary<is_float>},
      {"number", unary<is_number>},
      {"string", unary<is_string>},
      {"mapping", unary<is_mapping>},
      {"sequence", unary<is_sequence>},
      {"iterable", unary<is_iterable>},
      {"callable", unary<is_callable>},
      {"escaped", unary<is_escaped>},
      {"filter", unary<is_filter_name>},
      {"test", unary<is_test_name>},
      {"lower", has_case<false>},
      {"upper", has_case<true>},
      {"odd", parity<true>},
      {"even", parity<false>},
      {"divisibleby", divisible_by},
      {"sameas", same_as},
      {"in", is_in},
      {"==", comparison<CompareOp::eq>},
      {"eq", comparison<CompareOp::eq>},
      {"equalto", comparison<CompareOp::eq>},
      {"!=", comparison<CompareOp::ne>},
      {"ne", comparison<CompareOp::ne>},
      {">", comparison<CompareOp::gt>},
      {"gt", comparison<CompareOp::gt>},
      {"greaterthan", comparison<CompareOp::gt>},
      {">=", comparison<CompareOp::ge>},
      {"ge", comparison<CompareOp::ge>},
      {"<", comparison<CompareOp::lt>},
      {"lt", comparison<CompareOp::lt>},
      {"lessthan", comparison<CompareOp::lt>},
      {"<=", comparison<CompareOp::le>},
      {"le", comparison<CompareOp::le>},
  };
  return kTests;
}

}  // namespace

Builtin find_test(std::string_view name) {
  const auto found = tests().find(name);
  return found == tests().end() ? nullptr : found->second;
}

}  // namespace hearth::engine::jinja

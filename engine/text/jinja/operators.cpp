// Arithmetic, comparison and containment. Subscripts are in subscripts.cpp.
#include "engine/text/jinja/operators.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/numbers.h"
#include "engine/text/jinja/printing.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "**"};

Origin either(const Value& left, const Value& right) {
  const bool is_message =
      left.origin == Origin::from_message || right.origin == Origin::from_message;
  return is_message ? Origin::from_message : Origin::from_template;
}

Int floor_divide(Int a, Int b) {
  if (b == 0) raise_value("integer division or modulo by zero.");
  const Int quotient = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? quotient - 1 : quotient;
}

Int power(Int base, Int exponent) {
  Int result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0) result = checked_multiply(result, base);
    exponent >>= 1;
    if (exponent > 0) base = checked_multiply(base, base);
  }
  return result;
}

double float_power(double base, double exponent) {
  if (base == 0 && exponent < 0) raise_value("0.0 cannot be raised to a negative power.");
  if (base < 0 && std::isfinite(exponent) && std::floor(exponent) != exponent) {
    raise_type("a complex number has no place in a template.");
  }
  return std::pow(base, exponent);
}

double float_modulo(double a, double b) {
  if (b == 0) raise_value("float modulo by zero.");
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : std::copysign(rest, rest == 0 ? b : rest);
}

Value apply_integers(BinaryOp op, Int a, Int b, Origin origin) {
  switch (op) {
    case BinaryOp::add:
      return make_int(checked_add(a, b), origin);
    case BinaryOp::subtract:
      return make_int(checked_subtract(a, b), origin);
    case BinaryOp::multiply:
      return make_int(checked_multiply(a, b), origin);
    case BinaryOp::divide:
      if (b == 0) raise_value("division by zero.");
      return make_float(static_cast<double>(a) / static_cast<double>(b), origin);
    case BinaryOp::floor_divide:
      return make_int(floor_divide(a, b), origin);
    case BinaryOp::modulo:
      return make_int(a - floor_divide(a, b) * b, origin);
    case BinaryOp::power:
      break;
  }
  if (b < 0) return make_float(float_power(static_cast<double>(a), static_cast<double>(b)), origin);
  // |base| ≤ 1 has no large powers; for the rest an exponent past the width overflows at once.
  if (a >= -1 && a <= 1) b = b == 0 ? 0 : (b % 2 == 0 ? 2 : 1);
  return make_int(power(a, std::min<Int>(b, 1000)), origin);
}

Value apply_floats(BinaryOp op, double a, double b, Origin origin) {
  switch (op) {
    case BinaryOp::add:
      return make_float(a + b, origin);
    case BinaryOp::subtract:
      return make_float(a - b, origin);
    case BinaryOp::multiply:
      return make_float(a * b, origin);
    case BinaryOp::divide:
      if (b == 0) raise_value("float division by zero.");
      return make_float(a / b, origin);
    case BinaryOp::floor_divide:
      if (b == 0) raise_value("float floor division by zero.");
      return make_float(std::floor(a / b), origin);
    case BinaryOp::modulo:
      return make_float(float_modulo(a, b), origin);
    case BinaryOp::power:
      return make_float(float_power(a, b), origin);
  }
  return {};
}

bool is_list_or_tuple(const Sequence* sequence) {
  return sequence != nullptr &&
         (sequence->kind == SequenceKind::list || sequence->kind == SequenceKind::tuple ||
          sequence->kind == SequenceKind::group);
}

// Markup escapes what is added to it.
Value add_texts(const Str& left, const Str& right, Budget& budget) {
  const bool is_markup = left.is_markup || right.is_markup;
  const auto side = [&](const Str& str) {
    return is_markup && !str.is_markup ? escape_html(str.text, budget) : str.text;
  };
  return make_text(TextBuilder(budget).add(side(left)).add(side(right)).take(), is_markup);
}

std::optional<Value> try_add(const Value& left, const Value& right, Budget& budget) {
  const Str* a = left.object<const Str>();
  const Str* b = right.object<const Str>();
  if (a && b) return add_texts(*a, *b, budget);
  const auto* x = left.object<Sequence>();
  const auto* y = right.object<Sequence>();
  if (!is_list_or_tuple(x) || !is_list_or_tuple(y)) return std::nullopt;
  if ((x->kind == SequenceKind::list) != (y->kind == SequenceKind::list)) return std::nullopt;
  budget.make_items(x->items.size() + y->items.size());
  std::vector<Value> items = x->items;
  items.insert(items.end(), y->items.begin(), y->items.end());
  const SequenceKind kind =
      x->kind == SequenceKind::list ? SequenceKind::list : SequenceKind::tuple;
  return make_sequence(kind, std::move(items), budget);
}

std::optional<Value> try_repeat(const Value& items, const Value& count, Budget& budget) {
  const auto times = integer_of(count);
  if (!times) return std::nullopt;
  const auto n = static_cast<std::size_t>(std::clamp<Int>(*times, 0, static_cast<Int>(1) << 40));
  if (const Str* str = items.object<const Str>()) {
    return make_text(TextBuilder(budget).add_repeated(str->text, n).take(), str->is_markup);
  }
  const auto* sequence = items.object<Sequence>();
  if (!is_list_or_tuple(sequence)) return std::nullopt;
  if (sequence->items.empty()) return items;
  budget.make_items(n > budget.limits().loop_rounds ? n : n * sequence->items.size());
  std::vector<Value> repeated;
  for (std::size_t i = 0; i < n; ++i) {
    repeated.insert(repeated.end(), sequence->items.begin(), sequence->items.end());
  }
  return make_sequence(sequence->kind, std::move(repeated), budget);
}

}  // namespace

Value apply_binary(BinaryOp op, const Value& left, const Value& right, Budget& budget) {
  if (op == BinaryOp::modulo && left.text()) return format_percent(left, right, budget);
  for (const Value* side : {&left, &right}) {
    if (const auto* undefined = side->object<const Undefined>()) raise_undefined(*undefined);
  }
  const auto a = number_of(left);
  const auto b = number_of(right);
  if (a && b) {
    const auto whole_a = integer_of(left);
    const auto whole_b = integer_of(right);
    const Origin origin = either(left, right);
    return whole_a && whole_b ? apply_integers(op, *whole_a, *whole_b, origin)
                              : apply_floats(op, *a, *b, origin);
  }
  std::optional<Value> result;
  if (op == BinaryOp::add) result = try_add(left, right, budget);
  if (op == BinaryOp::multiply) {
    result = try_repeat(left, right, budget);
    if (!result) result = try_repeat(right, left, budget);
  }
  if (result) return std::move(*result);
  raise_type("unsupported operands for " + std::string(kSymbols[static_cast<std::size_t>(op)]) +
             ": " + std::string(type_name(left)) + " and " + std::string(type_name(right)) + ".");
}

Value apply_sign(const Value& operand, bool is_negative) {
  if (const auto* undefined = operand.object<const Undefined>()) raise_undefined(*undefined);
  if (const double* number = operand.as<double>())
    return make_float(is_negative ? -*number : *number, operand.origin);
  if (const auto whole = integer_of(operand))
    return make_int(is_negative ? -*whole : *whole, operand.origin);
  raise_type("bad operand type for unary sign: '" + std::string(type_name(operand)) + "'.");
}

bool apply_compare(CompareOp op, const Value& left, const Value& right, Budget& budget) {
  budget.step(std::min(weight_of(left), weight_of(right)));
  switch (op) {
    case CompareOp::eq:
      return equals(left, right);
    case CompareOp::ne:
      return !equals(left, right);
    case CompareOp::lt:
      return less(left, right);
    case CompareOp::gt:
      return less(right, left);
    case CompareOp::le:
      return less(left, right) || equals(left, right);
    case CompareOp::ge:
      return less(right, left) || equals(left, right);
    case CompareOp::in:
      return contains(right, left, budget);
    case CompareOp::not_in:
      return !contains(right, left, budget);
  }
  return false;
}

bool contains(const Value& container, const Value& item, Budget& budget) {
  if (container.is_undefined()) return false;
  if (const MarkedText* text = container.text()) {
    if (!item.text()) {
      raise_type("'in <string>' requires string as left operand, not " +
                 std::string(type_name(item)) + ".");
    }
    budget.make_text(text->text().size());
    return text->text().find(item.text()->text()) != std::string::npos;
  }
  budget.step(weight_of(item));
  if (const auto* dict = container.object<const Dict>()) return dict->find(item) != nullptr;
  const std::vector<Value> items = iterate(container, budget);
  budget.step(std::min(weight_of(container), items.size() * weight_of(item)));
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& each) { return equals(each, item); });
}

std::vector<Value> iterate(const Value& value, Budget& budget) {
  std::vector<Value> items;
  if (value.is_undefined()) return items;
  if (const Str* str = value.object<const Str>()) {
    budget.make_items(count_chars(str->text.text()));
    for_each_char(str->text, [&](CodePoint point, std::size_t at, Origin origin) {
      items.push_back(make_text(MarkedText(str->text.text().substr(at, point.bytes), origin)));
    });
    return items;
  }
  if (const auto* dict = value.object<const Dict>()) {
    budget.make_items(dict->entries().size());
    for (const auto& entry : dict->entries()) items.push_back(entry.first);
    return items;
  }
  if (auto* sequence = value.object<Sequence>()) {
    if (sequence->kind != SequenceKind::generator) {
      budget.make_items(sequence->items.size());
      return sequence->items;
    }
    if (sequence->failure) throw Failure{*sequence->failure};
    const std::size_t from = std::exchange(sequence->next, sequence->items.size());
    budget.make_items(sequence->items.size() - from);
    return {sequence->items.begin() + static_cast<std::ptrdiff_t>(from), sequence->items.end()};
  }
  raise_type("'" + std::string(type_name(value)) + "' object is not iterable.");
}

std::size_t length_of(const Value& value) {
  if (value.is_undefined()) return 0;
  if (const MarkedText* text = value.text()) return count_chars(text->text());
  if (const auto* dict = value.object<const Dict>()) return dict->entries().size();
  if (const auto* sequence = value.object<Sequence>();
      sequence && sequence->kind != SequenceKind::generator) {
    return sequence->items.size();
  }
  if (auto* loop = value.object<Loop>()) {
    loop->fetch_all();
    return loop->items.size();
  }
  raise_type("object of type '" + std::string(type_name(value)) + "' has no len().");
}

}  // namespace hearth::engine::jinja

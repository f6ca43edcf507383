// Expressions. Statements are in interpreter.cpp.
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/printing.h"

namespace hearth::engine::jinja {

Value Interpreter::evaluate(const Expr& expression) {
  budget_.step();
  const DepthGuard guard(stack_depth_, budget_.limits().stack, "runs");
  return std::visit([this](const auto& node) { return evaluate_node(node); }, expression.node);
}

Value Interpreter::evaluate_node(const NameExpr& node) {
  if (const Value* value = scope_->find(node.name)) return *value;
  if (const Builtin function = find_function(node.name)) {
    Callable callable{node.name, "<function " + node.name + ">", function, 1};
    return {std::make_shared<const Callable>(std::move(callable)), {}};
  }
  return make_undefined("'" + node.name + "' is undefined.");
}

std::vector<Value> Interpreter::evaluate_all(const std::vector<ExprPtr>& expressions) {
  std::vector<Value> values;
  values.reserve(expressions.size());
  for (const ExprPtr& expression : expressions) values.push_back(evaluate(*expression));
  return values;
}

Value Interpreter::evaluate_node(const ListExpr& node) {
  return make_sequence(SequenceKind::list, evaluate_all(node.items), budget_);
}

Value Interpreter::evaluate_node(const TupleExpr& node) {
  return make_sequence(SequenceKind::tuple, evaluate_all(node.items), budget_);
}

Value Interpreter::evaluate_node(const DictExpr& node) {
  Dict dict;
  for (const auto& [key, value] : node.entries) {
    Value known_key = evaluate(*key);
    budget_.step(weight_of(known_key));
    dict.set(known_key, evaluate(*value));
  }
  return make_dict(std::move(dict), budget_);
}

Value Interpreter::evaluate_node(const AttributeExpr& node) {
  return get_attribute(evaluate(*node.object), node.name, budget_);
}

Value Interpreter::evaluate_node(const ItemExpr& node) {
  const Value object = evaluate(*node.object);
  return get_item(object, evaluate(*node.key), budget_);
}

Value Interpreter::evaluate_node(const SliceExpr& node) {
  const Value object = evaluate(*node.object);
  const auto part = [&](const ExprPtr& expression) {
    return expression ? evaluate(*expression) : Value{};
  };
  const Value start = part(node.start);
  const Value stop = part(node.stop);
  return get_slice(object, start, stop, part(node.step), budget_);
}

Arguments Interpreter::evaluate_arguments(const CallArguments& arguments,
                                          std::optional<Value> first) {
  Arguments result;
  if (first) result.positional.push_back(std::move(*first));
  for (const ExprPtr& argument : arguments.positional)
    result.positional.push_back(evaluate(*argument));
  for (const auto& [name, argument] : arguments.named)
    result.named.emplace_back(name, evaluate(*argument));
  if (arguments.rest) {
    for (Value& item : iterate(evaluate(*arguments.rest), budget_))
      result.positional.push_back(std::move(item));
  }
  if (arguments.rest_named) {
    const Value named = evaluate(*arguments.rest_named);
    const auto* dict = named.object<const Dict>();
    if (dict == nullptr) raise_type("the argument after ** must be a mapping.");
    for (const auto& [name, value] : dict->entries()) {
      if (!name.text()) raise_type("keywords must be strings.");
      result.named.emplace_back(name.text()->text(), value);
    }
  }
  return result;
}

Value Interpreter::call(const Value& callee, Arguments& arguments) {
  budget_.step();
  const DepthGuard guard(stack_depth_, budget_.limits().stack, "runs");
  if (const auto* undefined = callee.object<const Undefined>()) raise_undefined(*undefined);
  const auto* callable = callee.object<const Callable>();
  if (callable == nullptr)
    raise_type("'" + std::string(type_name(callee)) + "' object is not callable.");
  return callable->call(*this, arguments);
}

Value Interpreter::evaluate_node(const CallExpr& node) {
  const Value callee = evaluate(*node.callee);
  Arguments arguments = evaluate_arguments(node.arguments, std::nullopt);
  return call(callee, arguments);
}

Value Interpreter::evaluate_node(const FilterExpr& node) {
  Arguments arguments = evaluate_arguments(node.arguments, evaluate(*node.input));
  if (node.apply == nullptr) raise_runtime("No filter named '" + node.name + "' found.");
  if (arguments.positional[0].text()) budget_.step(weight_of(arguments.positional[0]));
  return node.apply(*this, arguments);
}

Value Interpreter::evaluate_node(const TestExpr& node) {
  Arguments arguments = evaluate_arguments(node.arguments, evaluate(*node.input));
  if (node.apply == nullptr) raise_runtime("No test named '" + node.name + "' found.");
  if (arguments.positional[0].text()) budget_.step(weight_of(arguments.positional[0]));
  return node.apply(*this, arguments);
}

Value Interpreter::evaluate_node(const NotExpr& node) {
  return make_bool(!is_true(evaluate(*node.operand)));
}

Value Interpreter::evaluate_node(const SignExpr& node) {
  return apply_sign(evaluate(*node.operand), node.is_negative);
}

Value Interpreter::evaluate_node(const BinaryExpr& node) {
  Value value = evaluate(*node.first);
  for (const auto& [op, operand] : node.rest)
    value = apply_binary(op, value, evaluate(*operand), budget_);
  return value;
}

Value Interpreter::evaluate_node(const ConcatExpr& node) {
  TextBuilder text(budget_);
  for (const ExprPtr& part : node.parts) text.add(show(evaluate(*part), budget_));
  return make_text(text.take());
}

Value Interpreter::evaluate_node(const CompareExpr& node) {
  Value left = evaluate(*node.first);
  for (const auto& [op, operand] : node.rest) {
    Value right = evaluate(*operand);
    if (!apply_compare(op, left, right, budget_)) return make_bool(false);
    left = std::move(right);
  }
  return make_bool(true);
}

Value Interpreter::evaluate_node(const LogicExpr& node) {
  Value value;
  for (const ExprPtr& operand : node.operands) {
    value = evaluate(*operand);
    if (is_true(value) != node.is_and) return value;
  }
  return value;
}

Value Interpreter::evaluate_node(const ConditionalExpr& node) {
  if (is_true(evaluate(*node.test))) return evaluate(*node.then);
  if (node.otherwise) return evaluate(*node.otherwise);
  return make_undefined("the inline if-expression was false and has no else.");
}

}  // namespace hearth::engine::jinja

// Statements. Expressions are in evaluate.cpp.
#include "engine/text/jinja/interpreter.h"

#include <algorithm>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/printing.h"

namespace hearth::engine::jinja {

const Value* Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent_.get()) {
    for (const auto& [known, value] : scope->names_) {
      if (known == name) return &value;
    }
  }
  return nullptr;
}

void Scope::set(std::string_view name, Value value) {
  for (auto& [known, present] : names_) {
    if (known == name) {
      present = std::move(value);
      return;
    }
  }
  names_.emplace_back(name, std::move(value));
}

// Enters a new scope inside `parent`, and leaves it.
class Interpreter::ScopeGuard {
 public:
  ScopeGuard(Interpreter& interpreter, std::shared_ptr<Scope> parent)
      : interpreter_(interpreter),
        outer_(std::exchange(interpreter.scope_, std::make_shared<Scope>(std::move(parent)))) {}
  explicit ScopeGuard(Interpreter& interpreter) : ScopeGuard(interpreter, interpreter.scope_) {}
  ~ScopeGuard() { interpreter_.scope_ = std::move(outer_); }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

  const std::shared_ptr<Scope>& outer() const { return outer_; }

 private:
  Interpreter& interpreter_;
  std::shared_ptr<Scope> outer_;
};

Interpreter::Interpreter(const Options& options)
    : budget_(options.limits),
      now_(options.now),
      scope_(std::make_shared<Scope>(nullptr)),
      output_(budget_) {}

Interpreter::~Interpreter() {
  for (const auto& space : namespaces_) space->attributes.clear();
  for (const auto& scope : macro_scopes_) scope->clear();
}

std::chrono::system_clock::time_point Interpreter::now() const {
  return now_.value_or(std::chrono::system_clock::now());
}

MarkedText Interpreter::run(const Body& body) {
  const ScopeGuard guard(*this);
  execute(body);
  return output_.take();
}

Value Interpreter::make_namespace(Dict attributes) {
  auto space = std::make_shared<Namespace>(Namespace{std::move(attributes)});
  namespaces_.push_back(space);
  return {std::move(space), {}};
}

Interpreter::Flow Interpreter::execute(const Body& body) {
  const DepthGuard guard(stack_depth_, budget_.limits().stack, "runs");
  for (const Statement& statement : body) {
    budget_.step();
    line_ = statement.line;
    const Flow flow =
        std::visit([this](const auto& node) { return execute_node(node); }, statement.node);
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

Interpreter::Flow Interpreter::execute_node(const TextStatement& statement) {
  output_.add(statement.text);
  return Flow::next;
}

Interpreter::Flow Interpreter::execute_node(const PrintStatement& statement) {
  output_.add(show(evaluate(*statement.value), budget_));
  return Flow::next;
}

Interpreter::Flow Interpreter::execute_node(const IfStatement& statement) {
  for (const IfStatement::Branch& branch : statement.branches) {
    if (!branch.test || is_true(evaluate(*branch.test))) return execute(branch.body);
  }
  return Flow::next;
}

// The loop over the items that pass statement's own test, which sees the target but not this
// `loop`.
std::shared_ptr<Loop> Interpreter::make_loop(const ForStatement& statement) {
  std::vector<Value> items = iterate(evaluate(*statement.items), budget_);
  budget_.make_items(items.size());
  auto loop = std::make_shared<Loop>();
  for (const Value& item : items) loop->depth = std::max(loop->depth, depth_of(item) + 1);
  std::size_t depth = loop->depth - 1;
  const DepthGuard guard(depth, budget_.limits().value_depth, "nests values");
  if (!statement.test) {
    loop->items = std::move(items);
    return loop;
  }
  loop->fetch = [this, &statement, &found = loop->items, scope = scope_, source = std::move(items),
                 next = std::size_t{0}]() mutable {
    while (next < source.size()) {
      budget_.step();
      Value& item = source[next++];
      const ScopeGuard scope_guard(*this, scope);
      assign(statement.target, item);
      if (!is_true(evaluate(*statement.test))) continue;
      found.push_back(std::move(item));
      return true;
    }
    return false;
  };
  return loop;
}

Interpreter::Flow Interpreter::execute_node(const ForStatement& statement) {
  const std::shared_ptr<Loop> loop = make_loop(statement);
  // The template may have kept the loop: cut what could make it hold itself.
  struct End {
    Loop& loop;
    ~End() {
      loop.fetch = nullptr;
      loop.last_changed.reset();
    }
  };
  // As in Jinja, `else` runs unless some round came to its end: also after a break in the first.
  bool any_finished = false;
  const End end{*loop};
  for (std::size_t i = 0; loop->has(i); ++i) {
    budget_.step();
    loop->index0 = i;
    const ScopeGuard guard(*this);
    scope_->set("loop", {loop, {}});
    assign(statement.target, loop->items[i]);
    const Flow flow = execute(statement.body);
    if (flow == Flow::break_loop) break;
    any_finished |= flow == Flow::next;
  }
  if (any_finished) return Flow::next;
  const ScopeGuard guard(*this);
  return execute(statement.otherwise);
}

void Interpreter::check_target(const Target& target) {
  for (const Target& part : target.parts) check_target(part);
  if (!target.attribute) return;
  const Value* value = scope_->find(target.name);
  if (value == nullptr || !value->object<Namespace>()) {
    raise_runtime("cannot assign an attribute of '" + target.name + "', which is not a namespace.");
  }
}

void Interpreter::assign(const Target& target, Value value) {
  budget_.step();
  if (target.is_tuple) {
    std::vector<Value> items = iterate(value, budget_);
    if (items.size() != target.parts.size()) {
      raise_value("cannot unpack " + std::to_string(items.size()) + " values into " +
                  std::to_string(target.parts.size()) + " names.");
    }
    for (std::size_t i = 0; i < items.size(); ++i) assign(target.parts[i], std::move(items[i]));
  } else if (target.attribute) {
    check_target(target);
    Dict& attributes = scope_->find(target.name)->object<Namespace>()->attributes;
    attributes.set(make_text(*target.attribute), std::move(value));
  } else {
    scope_->set(target.name, std::move(value));
  }
}

Interpreter::Flow Interpreter::execute_node(const SetStatement& statement) {
  check_target(statement.target);
  assign(statement.target, evaluate(*statement.value));
  return Flow::next;
}

// Runs body and gives what it printed. An error leaves the output half done, and ends the rendering
// anyway.
MarkedText Interpreter::capture(const Body& body) {
  TextBuilder outer = std::exchange(output_, TextBuilder(budget_));
  execute(body);
  MarkedText text = output_.take();
  output_ = std::move(outer);
  return text;
}

Interpreter::Flow Interpreter::execute_node(const SetBlockStatement& statement) {
  Value value;
  {
    const ScopeGuard guard(*this);
    captured_ = make_text(capture(statement.body));
    value = evaluate(*statement.filter);
  }
  check_target(statement.target);
  assign(statement.target, std::move(value));
  return Flow::next;
}

Interpreter::Flow Interpreter::execute_node(const FilterBlockStatement& statement) {
  const ScopeGuard guard(*this);
  captured_ = make_text(capture(statement.body));
  output_.add(show(evaluate(*statement.filter), budget_));
  return Flow::next;
}

Interpreter::Flow Interpreter::execute_node(const WithStatement& statement) {
  std::vector<Value> values;
  for (const auto& assignment : statement.assignments)
    values.push_back(evaluate(*assignment.second));
  const ScopeGuard guard(*this);
  for (std::size_t i = 0; i < values.size(); ++i)
    assign(statement.assignments[i].first, std::move(values[i]));
  return execute(statement.body);
}

Interpreter::Flow Interpreter::execute_node(const GenerationStatement& statement) {
  const ScopeGuard guard(*this);
  return execute(statement.body);
}

Interpreter::Flow Interpreter::execute_node(const MacroStatement& statement) {
  scope_->set(statement.macro.name, make_macro(statement.macro));
  return Flow::next;
}

Interpreter::Flow Interpreter::execute_node(const CallBlockStatement& statement) {
  const auto& call_node = std::get<CallExpr>(statement.call->node);
  const Value callee = evaluate(*call_node.callee);
  Arguments arguments = evaluate_arguments(call_node.arguments, std::nullopt);
  arguments.named.emplace_back("caller", make_macro(statement.caller));
  output_.add(show(call(callee, arguments), budget_));
  return Flow::next;
}

Value Interpreter::make_macro(const MacroDefinition& macro) {
  macro_scopes_.push_back(scope_);
  Callable callable;
  callable.name = macro.name;
  callable.shown = "<Macro '" + macro.name + "'>";
  callable.call = [&macro, definition = scope_](Interpreter& interpreter, Arguments& arguments) {
    return interpreter.call_macro(macro, definition, arguments);
  };
  return {std::make_shared<const Callable>(std::move(callable)), {}};
}

Value Interpreter::call_macro(const MacroDefinition& macro,
                              const std::shared_ptr<Scope>& definition, Arguments& arguments) {
  const DepthGuard guard(macro_depth_, budget_.limits().depth, "calls macros");
  const std::size_t line = line_;
  const ScopeGuard scope_guard(*this, definition);
  bind_parameters(macro, arguments);
  MarkedText text = capture(macro.body);
  line_ = line;
  return make_text(std::move(text));
}

void Interpreter::bind_parameters(const MacroDefinition& macro, Arguments& arguments) {
  const auto take_named = [&](const std::string& name) -> std::optional<Value> {
    const auto found = std::find_if(arguments.named.begin(), arguments.named.end(),
                                    [&](const auto& argument) { return argument.first == name; });
    if (found == arguments.named.end()) return std::nullopt;
    Value value = std::move(found->second);
    arguments.named.erase(found);
    return value;
  };
  const std::size_t num_parameters = macro.parameters.size();
  bool has_caller = false;
  for (std::size_t i = 0; i < num_parameters; ++i) {
    const MacroDefinition::Parameter& parameter = macro.parameters[i];
    has_caller |= parameter.name == "caller";
    std::optional<Value> value;
    if (i < arguments.positional.size()) {
      value = arguments.positional[i];
    } else {
      value = take_named(parameter.name);
    }
    if (!value && parameter.default_value) value = evaluate(*parameter.default_value);
    if (!value) value = make_undefined("parameter '" + parameter.name + "' was not provided.");
    scope_->set(parameter.name, std::move(*value));
  }
  if (macro.uses_caller && !has_caller) {
    scope_->set("caller", take_named("caller").value_or(make_undefined("No caller defined.")));
  }
  if (macro.uses_kwargs) {
    Dict named;
    for (auto& [name, value] : arguments.named) named.set(make_text(name), std::move(value));
    scope_->set("kwargs", make_dict(std::move(named), budget_));
  } else if (!arguments.named.empty()) {
    raise_type("macro '" + macro.name + "' takes no keyword argument '" + arguments.named[0].first +
               "'.");
  }
  if (macro.uses_varargs) {
    std::vector<Value> rest;
    for (std::size_t i = num_parameters; i < arguments.positional.size(); ++i) {
      rest.push_back(arguments.positional[i]);
    }
    scope_->set("varargs", make_sequence(SequenceKind::tuple, std::move(rest), budget_));
  } else if (arguments.positional.size() > num_parameters) {
    raise_type("macro '" + macro.name + "' takes not more than " + std::to_string(num_parameters) +
               " arguments.");
  }
}

}  // namespace hearth::engine::jinja

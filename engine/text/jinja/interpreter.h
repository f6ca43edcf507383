// Runs a syntax tree. One per rendering; used by one thread; raises Failure (failure.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/text/jinja/ast.h"
#include "engine/text/jinja/limits.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/value.h"

namespace hearth::engine::jinja {

// The names that a block has set. A lookup goes outwards; an assignment stays in the innermost
// scope, which is why a `set` inside a loop is gone after the round. `if` makes no scope.
class Scope {
 public:
  explicit Scope(std::shared_ptr<Scope> parent) : parent_(std::move(parent)) {}

  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
  void clear() { names_.clear(); }

 private:
  std::shared_ptr<Scope> parent_;
  std::vector<std::pair<std::string, Value>> names_;
};

class Interpreter {
 public:
  struct Options {
    Limits limits;
    std::optional<std::chrono::system_clock::time_point> now;  // the clock when absent
  };

  explicit Interpreter(const Options& options);
  ~Interpreter();  // empties namespaces and macros' scopes, which may hold themselves
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // A variable that the template sees. Before run.
  void define(std::string_view name, Value value) { scope_->set(name, std::move(value)); }

  MarkedText run(const Body& body);

  // For builtins.
  Budget& budget() { return budget_; }
  std::chrono::system_clock::time_point now() const;
  Value call(const Value& callee, Arguments& arguments);
  Value make_namespace(Dict attributes);

  // The line that was being evaluated, for error messages.
  std::size_t line() const { return line_; }

 private:
  enum class Flow : std::uint8_t { next, break_loop, continue_loop };
  class ScopeGuard;

  Flow execute(const Body& body);
  Flow execute_node(const TextStatement& statement);
  Flow execute_node(const PrintStatement& statement);
  Flow execute_node(const IfStatement& statement);
  Flow execute_node(const ForStatement& statement);
  Flow execute_node(const SetStatement& statement);
  Flow execute_node(const SetBlockStatement& statement);
  Flow execute_node(const FilterBlockStatement& statement);
  Flow execute_node(const WithStatement& statement);
  Flow execute_node(const MacroStatement& statement);
  Flow execute_node(const CallBlockStatement& statement);
  Flow execute_node(const GenerationStatement& statement);
  Flow execute_node(const BreakStatement&) { return Flow::break_loop; }
  Flow execute_node(const ContinueStatement&) { return Flow::continue_loop; }

  std::shared_ptr<Loop> make_loop(const ForStatement& statement);
  void check_target(const Target& target);
  void assign(const Target& target, Value value);
  MarkedText capture(const Body& body);
  Value make_macro(const MacroDefinition& macro);
  Value call_macro(const MacroDefinition& macro, const std::shared_ptr<Scope>& definition,
                   Arguments& arguments);
  void bind_parameters(const MacroDefinition& macro, Arguments& arguments);

  Value evaluate(const Expr& expression);
  Value evaluate_node(const LiteralExpr& node) { return node.value; }
  Value evaluate_node(const NameExpr& node);
  Value evaluate_node(const ListExpr& node);
  Value evaluate_node(const TupleExpr& node);
  Value evaluate_node(const DictExpr& node);
  Value evaluate_node(const AttributeExpr& node);
  Value evaluate_node(const ItemExpr& node);
  Value evaluate_node(const SliceExpr& node);
  Value evaluate_node(const CallExpr& node);
  Value evaluate_node(const FilterExpr& node);
  Value evaluate_node(const TestExpr& node);
  Value evaluate_node(const NotExpr& node);
  Value evaluate_node(const SignExpr& node);
  Value evaluate_node(const BinaryExpr& node);
  Value evaluate_node(const ConcatExpr& node);
  Value evaluate_node(const CompareExpr& node);
  Value evaluate_node(const LogicExpr& node);
  Value evaluate_node(const ConditionalExpr& node);
  Value evaluate_node(const CapturedExpr&) { return captured_; }

  std::vector<Value> evaluate_all(const std::vector<ExprPtr>& expressions);
  Arguments evaluate_arguments(const CallArguments& arguments, std::optional<Value> first);

  Budget budget_;
  std::optional<std::chrono::system_clock::time_point> now_;
  std::shared_ptr<Scope> scope_;
  TextBuilder output_;
  Value captured_;
  std::size_t line_ = 1;
  std::size_t stack_depth_ = 0;
  std::size_t macro_depth_ = 0;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::vector<std::shared_ptr<Scope>> macro_scopes_;
};

}  // namespace hearth::engine::jinja

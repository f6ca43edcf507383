// The syntax tree of a template. Immutable after parsing, shared by all renderings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/value.h"

namespace hearth::engine::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<const Expr>;

struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr rest;        // *args
  ExprPtr rest_named;  // **kwargs
};

enum class BinaryOp : std::uint8_t { add, subtract, multiply, divide, floor_divide, modulo, power };
enum class CompareOp : std::uint8_t { eq, ne, lt, le, gt, ge, in, not_in };

struct LiteralExpr {
  Value value;
};
struct NameExpr {
  std::string name;
};
struct ListExpr {
  std::vector<ExprPtr> items;
};
struct TupleExpr {
  std::vector<ExprPtr> items;
};
struct DictExpr {
  std::vector<std::pair<ExprPtr, ExprPtr>> entries;
};
struct AttributeExpr {  // object.name
  ExprPtr object;
  std::string name;
};
struct ItemExpr {  // object[key]
  ExprPtr object;
  ExprPtr key;
};
struct SliceExpr {  // object[start:stop:step]; absent parts are null
  ExprPtr object;
  ExprPtr start;
  ExprPtr stop;
  ExprPtr step;
};
struct CallExpr {
  ExprPtr callee;
  CallArguments arguments;
};
struct FilterExpr {
  ExprPtr input;
  std::string name;
  Builtin apply =
      nullptr;  // null: unknown, which is only an error when it runs (Jinja allows it inside `if`)
  CallArguments arguments;
};
struct TestExpr {
  ExprPtr input;
  std::string name;
  Builtin apply = nullptr;
  CallArguments arguments;
};
struct NotExpr {
  ExprPtr operand;
};
struct SignExpr {
  ExprPtr operand;
  bool is_negative = false;
};
struct BinaryExpr {  // first op₁ operand₁ op₂ operand₂ …, from the left; a chain, so that long sums
                     // do not nest
  ExprPtr first;
  std::vector<std::pair<BinaryOp, ExprPtr>> rest;
};
struct ConcatExpr {  // a ~ b ~ c
  std::vector<ExprPtr> parts;
};
struct CompareExpr {  // a < b <= c: each operand evaluated once, stops at the first false
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};
struct LogicExpr {  // a and b and c, or a or b or c
  bool is_and = false;
  std::vector<ExprPtr> operands;
};
struct ConditionalExpr {
  ExprPtr test;
  ExprPtr then;
  ExprPtr otherwise;  // null: undefined
};
struct CapturedExpr {
};  // what a {% filter %} or {% set %} block has caught: the input of its first filter

struct Expr {
  std::variant<LiteralExpr, NameExpr, ListExpr, TupleExpr, DictExpr, AttributeExpr, ItemExpr,
               SliceExpr, CallExpr, FilterExpr, TestExpr, NotExpr, SignExpr, BinaryExpr, ConcatExpr,
               CompareExpr, LogicExpr, ConditionalExpr, CapturedExpr>
      node;
};

// Where an assignment goes: a name, an attribute of a namespace, or a tuple of targets.
struct Target {
  std::string name;
  std::optional<std::string> attribute;  // name.attribute
  std::vector<Target> parts;             // not empty: a tuple
  bool is_tuple = false;
};

struct Statement;
using Body = std::vector<Statement>;

struct TextStatement {
  MarkedText text;
};
struct PrintStatement {
  ExprPtr value;
};
struct IfStatement {
  struct Branch {
    ExprPtr test;  // null: else
    Body body;
  };
  std::vector<Branch> branches;
};
struct ForStatement {
  Target target;
  ExprPtr items;
  ExprPtr test;  // for x in y if test; null when absent
  Body body;
  Body otherwise;
};
struct SetStatement {
  Target target;
  ExprPtr value;
};
struct SetBlockStatement {
  Target target;
  ExprPtr filter;  // over CapturedExpr
  Body body;
};
struct FilterBlockStatement {
  ExprPtr filter;
  Body body;
};
struct WithStatement {
  std::vector<std::pair<Target, ExprPtr>> assignments;
  Body body;
};
struct MacroDefinition {
  struct Parameter {
    std::string name;
    ExprPtr default_value;  // null: none
  };
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  // Which of the special names the body mentions: only then may a call pass more than the
  // parameters.
  bool uses_varargs = false;
  bool uses_kwargs = false;
  bool uses_caller = false;
};
struct MacroStatement {
  MacroDefinition macro;
};
struct CallBlockStatement {
  MacroDefinition caller;
  ExprPtr call;  // a CallExpr
};
struct GenerationStatement {  // {% generation %}: transformers marks the assistant's tokens with
                              // it; here it only has a scope
  Body body;
};
struct BreakStatement {};
struct ContinueStatement {};

struct Statement {
  std::variant<TextStatement, PrintStatement, IfStatement, ForStatement, SetStatement,
               SetBlockStatement, FilterBlockStatement, WithStatement, MacroStatement,
               CallBlockStatement, GenerationStatement, BreakStatement, ContinueStatement>
      node;
  std::size_t line = 1;
};

}  // namespace hearth::engine::jinja

// Tokens → expressions, with Jinja's precedence from loose to tight:
//   a if b else c · or · and · not · comparisons, in · + - · ~ · * / // % · ** (from the left) ·
//   unary sign · filters, tests.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/text/jinja/ast.h"
#include "engine/text/jinja/limits.h"
#include "engine/text/jinja/token_stream.h"

namespace hearth::engine::jinja {

// One per template; raises template_syntax and template_limit.
class ExpressionParser {
 public:
  ExpressionParser(TokenStream& tokens, const Limits& limits) : tokens_(tokens), limits_(limits) {}

  ExprPtr parse_expression(bool with_conditional = true);
  // One expression, or several with commas between: a tuple.
  ExprPtr parse_tuple(bool with_conditional = true);
  // "upper", "| trim('x') | upper": filters over input.
  ExprPtr parse_filters(ExprPtr input, bool starts_inline);
  Target parse_target(bool with_namespace);

  // Jinja refuses unknown filters and tests when it compiles, except directly inside `if` branches
  // and conditional expressions, where they fail when they run. So unknown names are collected, and
  // forgotten where they are allowed.
  std::size_t num_unknown() const { return unknown_names_.size(); }
  void forget_unknown_since(std::size_t count) { unknown_names_.resize(count); }
  void fail_on_unknown() const;

  // The special names (varargs, kwargs, caller) seen since a macro began.
  struct SpecialNames {
    bool varargs = false;
    bool kwargs = false;
    bool caller = false;
  };
  std::vector<SpecialNames>& open_macros() { return open_macros_; }

  std::size_t& depth() { return depth_; }

 private:
  ExprPtr parse_conditional();
  ExprPtr parse_or();
  ExprPtr parse_and();
  ExprPtr parse_not();
  ExprPtr parse_compare();
  ExprPtr parse_sum();
  ExprPtr parse_concat();
  ExprPtr parse_product();
  ExprPtr parse_power();
  ExprPtr parse_unary(bool with_filters = true);
  ExprPtr parse_primary();
  ExprPtr parse_name();
  ExprPtr parse_string();
  ExprPtr parse_parentheses();
  ExprPtr parse_list();
  ExprPtr parse_dict();
  ExprPtr parse_postfix(ExprPtr object);
  ExprPtr parse_after_unary(ExprPtr input);
  ExprPtr parse_subscript(ExprPtr object);
  ExprPtr parse_bracket(ExprPtr object);
  ExprPtr parse_test(ExprPtr input);
  std::string parse_dotted_name();
  CallArguments parse_arguments();
  Target parse_primary_target(bool with_namespace);
  DepthGuard deeper();
  void check_chain(std::size_t length) const;

  TokenStream& tokens_;
  const Limits& limits_;
  std::size_t depth_ = 0;
  std::vector<std::string> unknown_names_;
  std::vector<SpecialNames> open_macros_;
};

}  // namespace hearth::engine::jinja

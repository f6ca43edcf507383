#include "engine/text/jinja/parser.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>

#include "engine/text/jinja/expression_parser.h"
#include "engine/text/jinja/failure.h"

namespace hearth::engine::jinja {
namespace {

using Ends = std::initializer_list<std::string_view>;

class Parser {
 public:
  Parser(std::string_view source, const Limits& limits)
      : limits_(limits), tokens_(tokenize(source)), expressions_(tokens_, limits_) {}

  Body run() {
    Body body = parse_body({});
    expressions_.fail_on_unknown();
    return body;
  }

 private:
  // Statements up to a tag named in ends, whose name it leaves for the caller; to the end of the
  // template if ends is empty.
  Body parse_body(Ends ends) {
    Body body;
    while (!tokens_.is(TokenKind::eof)) {
      const std::size_t line = tokens_.current().line;
      if (tokens_.is(TokenKind::data)) {
        body.push_back(
            {TextStatement{MarkedText(tokens_.next().text, Origin::from_template)}, line});
      } else if (tokens_.is(TokenKind::variable_begin)) {
        tokens_.next();
        body.push_back({PrintStatement{own(expressions_.parse_tuple())}, line});
        tokens_.expect(TokenKind::variable_end);
      } else {
        tokens_.expect(TokenKind::block_begin);
        if (at_any(ends)) return body;
        parse_statement(body, line);
        tokens_.expect(TokenKind::block_end);
      }
    }
    if (ends.size() > 0) {
      tokens_.fail("the template ends where '" + std::string(*(ends.end() - 1)) + "' was expected");
    }
    return body;
  }

  bool at_any(Ends ends) const {
    return std::any_of(ends.begin(), ends.end(),
                       [&](std::string_view end) { return tokens_.is_name(end); });
  }

  // The body between two tags; leaves the closing tag's name as the current token.
  Body parse_block(Ends ends, bool soft) {
    tokens_.skip_op(":");
    tokens_.expect(TokenKind::block_end);
    const bool outer_soft = std::exchange(soft_, soft);
    Body body = parse_body(ends);
    soft_ = outer_soft;
    return body;
  }

  Body parse_whole_block(std::string_view end) {
    Body body = parse_block({end}, false);
    tokens_.expect_name(end);
    return body;
  }

  // Marks an expression that belongs to the statement itself: directly inside `if`, unknown names
  // are allowed in it.
  ExprPtr own(ExprPtr expression) {
    if (soft_) expressions_.forget_unknown_since(num_unknown_);
    num_unknown_ = expressions_.num_unknown();
    return expression;
  }

  void parse_statement(Body& body, std::size_t line) {
    const DepthGuard guard(expressions_.depth(), limits_.depth, "nests");
    num_unknown_ = expressions_.num_unknown();
    const std::string tag = tokens_.expect_any_name();
    if (tag == "if") {
      body.push_back({parse_if(), line});
    } else if (tag == "for") {
      body.push_back({parse_for(), line});
    } else if (tag == "set") {
      body.push_back(parse_set(line));
    } else if (tag == "macro") {
      body.push_back({parse_macro(), line});
    } else if (tag == "call") {
      body.push_back({parse_call(), line});
    } else if (tag == "filter") {
      body.push_back({parse_filter_block(), line});
    } else if (tag == "with") {
      body.push_back({parse_with(), line});
    } else if (tag == "generation") {
      body.push_back({GenerationStatement{parse_whole_block("endgeneration")}, line});
    } else if (tag == "print") {
      parse_print(body, line);
    } else if (tag == "break" || tag == "continue") {
      if (num_loops_ == 0) tokens_.fail("'" + tag + "' outside of a loop");
      if (tag == "break") {
        body.push_back({BreakStatement{}, line});
      } else {
        body.push_back({ContinueStatement{}, line});
      }
    } else if (tag == "include" || tag == "import" || tag == "from" || tag == "extends" ||
               tag == "block" || tag == "autoescape") {
      tokens_.fail("'" + tag + "' is not part of the language of chat templates");
    } else {
      tokens_.fail("unknown tag '" + tag + "'");
    }
  }

  IfStatement parse_if() {
    IfStatement statement;
    const auto parse_branch = [&] {
      const std::size_t num_known = expressions_.num_unknown();
      IfStatement::Branch branch;
      branch.test = expressions_.parse_tuple(false);
      expressions_.forget_unknown_since(num_known);
      branch.body = parse_block({"elif", "else", "endif"}, true);
      statement.branches.push_back(std::move(branch));
    };
    parse_branch();
    while (tokens_.skip_name("elif")) parse_branch();
    if (tokens_.skip_name("else")) {
      statement.branches.push_back({nullptr, parse_block({"endif"}, true)});
    }
    tokens_.expect_name("endif");
    return statement;
  }

  ForStatement parse_for() {
    ++num_loops_;
    ForStatement statement;
    statement.target = parse_assigned(false);
    tokens_.expect_name("in");
    statement.items = own(expressions_.parse_tuple(false));
    if (tokens_.skip_name("if")) statement.test = expressions_.parse_expression();
    if (tokens_.is_name("recursive"))
      tokens_.fail("recursive loops are not part of the language of chat templates");
    statement.body = parse_block({"endfor", "else"}, false);
    --num_loops_;
    if (tokens_.skip_name("else")) statement.otherwise = parse_block({"endfor"}, false);
    tokens_.expect_name("endfor");
    return statement;
  }

  // Inside a loop the name `loop` belongs to the loop.
  Target parse_assigned(bool with_namespace) {
    Target target = expressions_.parse_target(with_namespace);
    if (num_loops_ > 0 && names_loop(target))
      tokens_.fail("'loop' cannot be assigned inside a loop");
    return target;
  }

  static bool names_loop(const Target& target) {
    return (target.name == "loop" && !target.attribute) ||
           std::any_of(target.parts.begin(), target.parts.end(), names_loop);
  }

  Statement parse_set(std::size_t line) {
    Target target = parse_assigned(true);
    if (tokens_.skip_op("="))
      return {SetStatement{std::move(target), own(expressions_.parse_tuple())}, line};
    ExprPtr filter = expressions_.parse_filters(captured(), false);
    return {SetBlockStatement{std::move(target), std::move(filter), parse_whole_block("endset")},
            line};
  }

  static ExprPtr captured() { return std::make_unique<const Expr>(Expr{CapturedExpr{}}); }

  FilterBlockStatement parse_filter_block() {
    ExprPtr filter = expressions_.parse_filters(captured(), true);
    return {std::move(filter), parse_whole_block("endfilter")};
  }

  WithStatement parse_with() {
    WithStatement statement;
    while (!tokens_.is(TokenKind::block_end)) {
      if (!statement.assignments.empty()) tokens_.expect_op(",");
      Target target = expressions_.parse_target(false);
      tokens_.expect_op("=");
      statement.assignments.emplace_back(std::move(target), own(expressions_.parse_expression()));
    }
    statement.body = parse_whole_block("endwith");
    return statement;
  }

  void parse_print(Body& body, std::size_t line) {
    for (bool is_first = true; !tokens_.is(TokenKind::block_end); is_first = false) {
      if (!is_first) tokens_.expect_op(",");
      body.push_back({PrintStatement{own(expressions_.parse_expression())}, line});
    }
  }

  void parse_signature(MacroDefinition& macro) {
    tokens_.expect_op("(");
    while (!tokens_.is_op(")")) {
      if (!macro.parameters.empty()) tokens_.expect_op(",");
      MacroDefinition::Parameter parameter{tokens_.expect_any_name(), nullptr};
      if (tokens_.skip_op("=")) {
        parameter.default_value = expressions_.parse_expression();
      } else if (!macro.parameters.empty() && macro.parameters.back().default_value) {
        tokens_.fail("a parameter without a default follows one with a default");
      }
      macro.parameters.push_back(std::move(parameter));
    }
    tokens_.expect_op(")");
  }

  // The body of a macro or call block, with the special names that it mentions. A loop outside is
  // not a loop inside.
  void parse_macro_body(MacroDefinition& macro, std::string_view end) {
    const std::size_t outer_loops = std::exchange(num_loops_, 0);
    expressions_.open_macros().emplace_back();
    macro.body = parse_whole_block(end);
    const auto names = expressions_.open_macros().back();
    expressions_.open_macros().pop_back();
    num_loops_ = outer_loops;
    macro.uses_varargs = names.varargs;
    macro.uses_kwargs = names.kwargs;
    macro.uses_caller = names.caller;
  }

  MacroStatement parse_macro() {
    MacroStatement statement;
    statement.macro.name = tokens_.expect_any_name();
    parse_signature(statement.macro);
    parse_macro_body(statement.macro, "endmacro");
    return statement;
  }

  CallBlockStatement parse_call() {
    CallBlockStatement statement;
    if (tokens_.is_op("(")) parse_signature(statement.caller);
    statement.caller.name = "caller";
    statement.call = own(expressions_.parse_expression());
    if (!std::holds_alternative<CallExpr>(statement.call->node))
      tokens_.fail("'call' needs a call of a macro");
    parse_macro_body(statement.caller, "endcall");
    return statement;
  }

  const Limits& limits_;
  TokenStream tokens_;
  ExpressionParser expressions_;
  bool soft_ = false;            // directly inside `if`
  std::size_t num_unknown_ = 0;  // unknown names seen before the present statement's own expression
  std::size_t num_loops_ = 0;    // around the present statement
};

}  // namespace

Body parse_template(std::string_view source, const Limits& limits) {
  if (source.size() > limits.template_bytes) {
    raise(ErrorCode::template_limit,
          "The chat template has more than " + std::to_string(limits.template_bytes) + " bytes.");
  }
  return Parser(source, limits).run();
}

}  // namespace hearth::engine::jinja

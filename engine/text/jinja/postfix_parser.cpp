// The half of ExpressionParser that reads what follows a value: attributes, items, calls, filters,
// tests; and targets.
#include <utility>

#include "engine/text/jinja/expression_parser.h"
#include "engine/text/jinja/failure.h"

namespace hearth::engine::jinja {
namespace {

template <class Node>
ExprPtr make(Node node) {
  return std::make_unique<const Expr>(Expr{std::move(node)});
}

bool is_constant_name(const std::string& name) {
  return name == "true" || name == "false" || name == "none" || name == "True" || name == "False" ||
         name == "None";
}

}  // namespace

ExprPtr ExpressionParser::parse_postfix(ExprPtr object) {
  for (std::size_t length = 0;; ++length) {
    check_chain(length);
    if (tokens_.is_op(".") || tokens_.is_op("[")) {
      object = parse_subscript(std::move(object));
    } else if (tokens_.is_op("(")) {
      object = make(CallExpr{std::move(object), parse_arguments()});
    } else {
      return object;
    }
  }
}

ExprPtr ExpressionParser::parse_after_unary(ExprPtr input) {
  for (std::size_t length = 0;; ++length) {
    check_chain(length);
    if (tokens_.is_op("|")) {
      input = parse_filters(std::move(input), false);
    } else if (tokens_.is_name("is")) {
      input = parse_test(std::move(input));
    } else if (tokens_.is_op("(")) {
      input = make(CallExpr{std::move(input), parse_arguments()});
    } else {
      return input;
    }
  }
}

ExprPtr ExpressionParser::parse_subscript(ExprPtr object) {
  if (tokens_.next().text == "[") return parse_bracket(std::move(object));
  if (tokens_.is(TokenKind::integer)) {
    return make(ItemExpr{std::move(object), make(LiteralExpr{make_int(tokens_.next().integer)})});
  }
  return make(AttributeExpr{std::move(object), tokens_.expect_any_name()});
}

// After "[": an index, a slice, or a tuple of indexes.
ExprPtr ExpressionParser::parse_bracket(ExprPtr object) {
  const auto at_part_end = [this] {
    return tokens_.is_op("]") || tokens_.is_op(",") || tokens_.is_op(":");
  };
  if (tokens_.skip_op("]")) return make(ItemExpr{std::move(object), make(TupleExpr{})});
  ExprPtr start;
  if (!tokens_.is_op(":")) start = parse_expression();
  if (tokens_.skip_op(":")) {
    SliceExpr slice;
    slice.start = std::move(start);
    if (!at_part_end()) slice.stop = parse_expression();
    if (tokens_.skip_op(":") && !at_part_end()) slice.step = parse_expression();
    tokens_.expect_op("]");
    slice.object = std::move(object);
    return make(std::move(slice));
  }
  if (tokens_.skip_op("]")) return make(ItemExpr{std::move(object), std::move(start)});
  TupleExpr tuple;
  tuple.items.push_back(std::move(start));
  while (tokens_.skip_op(",")) tuple.items.push_back(parse_expression());
  tokens_.expect_op("]");
  return make(ItemExpr{std::move(object), make(std::move(tuple))});
}

CallArguments ExpressionParser::parse_arguments() {
  tokens_.expect_op("(");
  CallArguments arguments;
  const auto require = [this](bool condition) {
    if (!condition) tokens_.fail("the arguments of a call are in an impossible order");
  };
  for (bool is_first = true; !tokens_.is_op(")"); is_first = false) {
    if (!is_first) tokens_.expect_op(",");
    if (tokens_.is_op(")")) break;
    if (tokens_.skip_op("*")) {
      require(!arguments.rest && !arguments.rest_named);
      arguments.rest = parse_expression();
    } else if (tokens_.skip_op("**")) {
      require(!arguments.rest_named);
      arguments.rest_named = parse_expression();
    } else if (tokens_.is(TokenKind::name) && tokens_.look().kind == TokenKind::op &&
               tokens_.look().text == "=") {
      require(!arguments.rest_named);
      std::string name = tokens_.next().text;
      tokens_.next();
      arguments.named.emplace_back(std::move(name), parse_expression());
    } else {
      require(!arguments.rest && !arguments.rest_named && arguments.named.empty());
      arguments.positional.push_back(parse_expression());
    }
  }
  tokens_.expect_op(")");
  return arguments;
}

std::string ExpressionParser::parse_dotted_name() {
  std::string name = tokens_.expect_any_name();
  while (tokens_.skip_op(".")) name += "." + tokens_.expect_any_name();
  return name;
}

ExprPtr ExpressionParser::parse_filters(ExprPtr input, bool starts_inline) {
  std::size_t length = 0;
  while (starts_inline || tokens_.skip_op("|")) {
    check_chain(length++);
    starts_inline = false;
    FilterExpr node;
    node.input = std::move(input);
    node.name = parse_dotted_name();
    node.apply = find_filter(node.name);
    if (node.apply == nullptr)
      unknown_names_.push_back("The chat template uses an unknown filter: " + node.name + ".");
    if (tokens_.is_op("(")) node.arguments = parse_arguments();
    input = make(std::move(node));
  }
  return input;
}

ExprPtr ExpressionParser::parse_test(ExprPtr input) {
  tokens_.expect_name("is");
  const bool is_negated = tokens_.skip_name("not");
  TestExpr node;
  node.input = std::move(input);
  node.name = parse_dotted_name();
  node.apply = find_test(node.name);
  if (node.apply == nullptr)
    unknown_names_.push_back("The chat template uses an unknown test: " + node.name + ".");
  const TokenKind kind = tokens_.current().kind;
  const bool starts_value = kind == TokenKind::name || kind == TokenKind::string ||
                            kind == TokenKind::integer || kind == TokenKind::floating ||
                            tokens_.is_op("[") || tokens_.is_op("{");
  const bool is_keyword =
      tokens_.is_name("else") || tokens_.is_name("or") || tokens_.is_name("and");
  if (tokens_.is_op("(")) {
    node.arguments = parse_arguments();
  } else if (starts_value && !is_keyword) {
    if (tokens_.is_name("is")) tokens_.fail("tests cannot be chained with 'is'");
    node.arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  ExprPtr test = make(std::move(node));
  return is_negated ? make(NotExpr{std::move(test)}) : std::move(test);
}

Target ExpressionParser::parse_primary_target(bool with_namespace) {
  if (tokens_.skip_op("(")) {
    const DepthGuard guard = deeper();
    Target target = parse_target(with_namespace);
    tokens_.expect_op(")");
    return target;
  }
  if (!tokens_.is(TokenKind::name)) tokens_.fail("cannot assign to " + tokens_.describe());
  Target target;
  target.name = tokens_.next().text;
  if (is_constant_name(target.name)) tokens_.fail("cannot assign to '" + target.name + "'");
  if (with_namespace && tokens_.skip_op(".")) target.attribute = tokens_.expect_any_name();
  return target;
}

Target ExpressionParser::parse_target(bool with_namespace) {
  Target first = parse_primary_target(with_namespace);
  if (!tokens_.is_op(",")) return first;
  Target tuple;
  tuple.is_tuple = true;
  tuple.parts.push_back(std::move(first));
  while (tokens_.skip_op(",")) {
    const bool ends = tokens_.is(TokenKind::block_end) || tokens_.is(TokenKind::variable_end) ||
                      tokens_.is_op(")");
    if (ends) break;
    tuple.parts.push_back(parse_primary_target(with_namespace));
  }
  return tuple;
}

}  // namespace hearth::engine::jinja

#include "engine/text/jinja/expression_parser.h"

#include <array>
#include <utility>

#include "engine/text/jinja/failure.h"

namespace hearth::engine::jinja {
namespace {

template <class Node>
ExprPtr make(Node node) {
  return std::make_unique<const Expr>(Expr{std::move(node)});
}

template <class Op, std::size_t N>
using OpTable = std::array<std::pair<std::string_view, Op>, N>;

constexpr OpTable<BinaryOp, 2> kSums = {{{"+", BinaryOp::add}, {"-", BinaryOp::subtract}}};
constexpr OpTable<BinaryOp, 4> kProducts = {{{"*", BinaryOp::multiply},
                                             {"/", BinaryOp::divide},
                                             {"//", BinaryOp::floor_divide},
                                             {"%", BinaryOp::modulo}}};
constexpr OpTable<BinaryOp, 1> kPowers = {{{"**", BinaryOp::power}}};
constexpr OpTable<CompareOp, 6> kComparisons = {{{"==", CompareOp::eq},
                                                 {"!=", CompareOp::ne},
                                                 {"<", CompareOp::lt},
                                                 {"<=", CompareOp::le},
                                                 {">", CompareOp::gt},
                                                 {">=", CompareOp::ge}}};

// The table's operator that stands here, if any; moves past it.
template <class Table>
auto skip_any(TokenStream& tokens, const Table& table) -> std::optional<decltype(table[0].second)> {
  for (const auto& [text, op] : table) {
    if (tokens.skip_op(text)) return op;
  }
  return std::nullopt;
}

// operand (op operand)*, as one chain.
template <class Table, class ParseOperand>
ExprPtr parse_chain(TokenStream& tokens, const Table& table, ParseOperand parse_operand) {
  ExprPtr first = parse_operand();
  BinaryExpr chain;
  while (const auto op = skip_any(tokens, table)) chain.rest.emplace_back(*op, parse_operand());
  if (chain.rest.empty()) return first;
  chain.first = std::move(first);
  return make(std::move(chain));
}

}  // namespace

DepthGuard ExpressionParser::deeper() { return DepthGuard(depth_, limits_.depth, "nests"); }

void ExpressionParser::check_chain(std::size_t length) const {
  std::size_t outer = length;
  const DepthGuard guard(outer, limits_.depth, "chains attributes, calls or filters");
}

void ExpressionParser::fail_on_unknown() const {
  if (!unknown_names_.empty()) raise(ErrorCode::template_syntax, unknown_names_.front());
}

ExprPtr ExpressionParser::parse_expression(bool with_conditional) {
  const DepthGuard guard = deeper();
  return with_conditional ? parse_conditional() : parse_or();
}

ExprPtr ExpressionParser::parse_conditional() {
  const std::size_t num_known = num_unknown();
  ExprPtr value = parse_or();
  std::size_t length = 0;
  while (tokens_.skip_name("if")) {
    check_chain(length++);
    ConditionalExpr node;
    node.then = std::move(value);
    node.test = parse_or();
    if (tokens_.skip_name("else")) {
      const DepthGuard guard = deeper();
      node.otherwise = parse_conditional();
    }
    value = make(std::move(node));
    forget_unknown_since(num_known);
  }
  return value;
}

ExprPtr ExpressionParser::parse_or() {
  LogicExpr node;
  node.operands.push_back(parse_and());
  while (tokens_.skip_name("or")) node.operands.push_back(parse_and());
  if (node.operands.size() == 1) return std::move(node.operands[0]);
  return make(std::move(node));
}

ExprPtr ExpressionParser::parse_and() {
  LogicExpr node;
  node.is_and = true;
  node.operands.push_back(parse_not());
  while (tokens_.skip_name("and")) node.operands.push_back(parse_not());
  if (node.operands.size() == 1) return std::move(node.operands[0]);
  return make(std::move(node));
}

ExprPtr ExpressionParser::parse_not() {
  if (!tokens_.skip_name("not")) return parse_compare();
  const DepthGuard guard = deeper();
  return make(NotExpr{parse_not()});
}

ExprPtr ExpressionParser::parse_compare() {
  ExprPtr first = parse_sum();
  CompareExpr node;
  while (true) {
    if (const auto op = skip_any(tokens_, kComparisons)) {
      node.rest.emplace_back(*op, parse_sum());
    } else if (tokens_.skip_name("in")) {
      node.rest.emplace_back(CompareOp::in, parse_sum());
    } else if (tokens_.is_name("not") && tokens_.look().kind == TokenKind::name &&
               tokens_.look().text == "in") {
      tokens_.next();
      tokens_.next();
      node.rest.emplace_back(CompareOp::not_in, parse_sum());
    } else {
      break;
    }
  }
  if (node.rest.empty()) return first;
  node.first = std::move(first);
  return make(std::move(node));
}

ExprPtr ExpressionParser::parse_sum() {
  return parse_chain(tokens_, kSums, [this] { return parse_concat(); });
}

ExprPtr ExpressionParser::parse_concat() {
  ConcatExpr node;
  node.parts.push_back(parse_product());
  while (tokens_.skip_op("~")) node.parts.push_back(parse_product());
  if (node.parts.size() == 1) return std::move(node.parts[0]);
  return make(std::move(node));
}

ExprPtr ExpressionParser::parse_product() {
  return parse_chain(tokens_, kProducts, [this] { return parse_power(); });
}

ExprPtr ExpressionParser::parse_power() {
  return parse_chain(tokens_, kPowers, [this] { return parse_unary(); });
}

ExprPtr ExpressionParser::parse_unary(bool with_filters) {
  ExprPtr value;
  if (tokens_.is_op("-") || tokens_.is_op("+")) {
    const DepthGuard guard = deeper();
    const bool is_negative = tokens_.next().text == "-";
    value = make(SignExpr{parse_unary(false), is_negative});
  } else {
    value = parse_primary();
  }
  value = parse_postfix(std::move(value));
  return with_filters ? parse_after_unary(std::move(value)) : std::move(value);
}

ExprPtr ExpressionParser::parse_primary() {
  switch (tokens_.current().kind) {
    case TokenKind::name:
      return parse_name();
    case TokenKind::string:
      return parse_string();
    case TokenKind::integer:
      return make(LiteralExpr{make_int(tokens_.next().integer)});
    case TokenKind::floating:
      return make(LiteralExpr{make_float(tokens_.next().floating)});
    default:
      break;
  }
  if (tokens_.is_op("(")) return parse_parentheses();
  if (tokens_.is_op("[")) return parse_list();
  if (tokens_.is_op("{")) return parse_dict();
  tokens_.fail("unexpected " + tokens_.describe());
}

ExprPtr ExpressionParser::parse_name() {
  const std::string& name = tokens_.next().text;
  if (name == "true" || name == "True") return make(LiteralExpr{make_bool(true)});
  if (name == "false" || name == "False") return make(LiteralExpr{make_bool(false)});
  if (name == "none" || name == "None") return make(LiteralExpr{Value{}});
  for (SpecialNames& names : open_macros_) {
    names.varargs |= name == "varargs";
    names.kwargs |= name == "kwargs";
    names.caller |= name == "caller";
  }
  return make(NameExpr{name});
}

ExprPtr ExpressionParser::parse_string() {
  std::string text;
  while (tokens_.is(TokenKind::string)) text += tokens_.next().text;
  return make(LiteralExpr{make_text(text)});
}

ExprPtr ExpressionParser::parse_parentheses() {
  tokens_.expect_op("(");
  if (tokens_.skip_op(")")) return make(TupleExpr{});
  ExprPtr value = parse_tuple();
  tokens_.expect_op(")");
  return value;
}

ExprPtr ExpressionParser::parse_tuple(bool with_conditional) {
  const auto at_end = [this] {
    return tokens_.is(TokenKind::variable_end) || tokens_.is(TokenKind::block_end) ||
           tokens_.is_op(")");
  };
  if (at_end()) tokens_.fail("expected an expression, found " + tokens_.describe());
  ExprPtr first = parse_expression(with_conditional);
  if (!tokens_.is_op(",")) return first;
  TupleExpr tuple;
  tuple.items.push_back(std::move(first));
  while (tokens_.skip_op(",")) {
    if (at_end()) break;
    tuple.items.push_back(parse_expression(with_conditional));
  }
  return make(std::move(tuple));
}

ExprPtr ExpressionParser::parse_list() {
  tokens_.expect_op("[");
  ListExpr node;
  while (!tokens_.is_op("]")) {
    if (!node.items.empty()) tokens_.expect_op(",");
    if (tokens_.is_op("]")) break;
    node.items.push_back(parse_expression());
  }
  tokens_.expect_op("]");
  return make(std::move(node));
}

ExprPtr ExpressionParser::parse_dict() {
  tokens_.expect_op("{");
  DictExpr node;
  while (!tokens_.is_op("}")) {
    if (!node.entries.empty()) tokens_.expect_op(",");
    if (tokens_.is_op("}")) break;
    ExprPtr key = parse_expression();
    tokens_.expect_op(":");
    node.entries.emplace_back(std::move(key), parse_expression());
  }
  tokens_.expect_op("}");
  return make(std::move(node));
}

}  // namespace hearth::engine::jinja

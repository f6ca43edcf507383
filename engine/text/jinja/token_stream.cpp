#include "engine/text/jinja/token_stream.h"

#include "engine/text/jinja/failure.h"

namespace hearth::engine::jinja {
namespace {

std::string describe_kind(TokenKind kind) {
  switch (kind) {
    case TokenKind::data:
      return "text";
    case TokenKind::variable_begin:
      return "'{{'";
    case TokenKind::variable_end:
      return "'}}'";
    case TokenKind::block_begin:
      return "'{%'";
    case TokenKind::block_end:
      return "'%}'";
    case TokenKind::name:
      return "a name";
    case TokenKind::string:
      return "a string";
    case TokenKind::integer:
    case TokenKind::floating:
      return "a number";
    case TokenKind::op:
      return "an operator";
    case TokenKind::eof:
      return "the end of the template";
  }
  return "something else";
}

}  // namespace

const LexedToken& TokenStream::next() {
  const LexedToken& token = current();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenStream::skip_op(std::string_view op) {
  if (!is_op(op)) return false;
  next();
  return true;
}

bool TokenStream::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  next();
  return true;
}

void TokenStream::expect_op(std::string_view op) {
  if (!skip_op(op)) fail("expected '" + std::string(op) + "', found " + describe());
}

void TokenStream::expect_name(std::string_view name) {
  if (!skip_name(name)) fail("expected '" + std::string(name) + "', found " + describe());
}

std::string TokenStream::expect_any_name() {
  expect(TokenKind::name);
  return tokens_[at_ - 1].text;
}

void TokenStream::expect(TokenKind kind) {
  if (!is(kind)) fail("expected " + describe_kind(kind) + ", found " + describe());
  next();
}

std::string TokenStream::describe() const {
  const LexedToken& token = current();
  if (token.kind == TokenKind::name || token.kind == TokenKind::op) return "'" + token.text + "'";
  return describe_kind(token.kind);
}

void TokenStream::fail(const std::string& what) const {
  raise(ErrorCode::template_syntax, "The chat template has a syntax error in line " +
                                        std::to_string(current().line) + ": " + what + ".");
}

}  // namespace hearth::engine::jinja

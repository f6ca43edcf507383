// The parser's view of the tokens: the present one, the next one, and what must come.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/text/jinja/lexer.h"

namespace hearth::engine::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<LexedToken> tokens) : tokens_(std::move(tokens)) {}

  const LexedToken& current() const { return tokens_[at_]; }
  const LexedToken& look() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  const LexedToken& next();  // gives the present token and moves on; stays at the end

  bool is(TokenKind kind) const { return current().kind == kind; }
  bool is_op(std::string_view op) const { return is(TokenKind::op) && current().text == op; }
  bool is_name(std::string_view name) const {
    return is(TokenKind::name) && current().text == name;
  }

  bool skip_op(std::string_view op);
  bool skip_name(std::string_view name);

  // Raise template_syntax when something else stands here.
  void expect_op(std::string_view op);
  void expect_name(std::string_view name);
  std::string expect_any_name();
  void expect(TokenKind kind);

  // What stands here, for people.
  std::string describe() const;
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::vector<LexedToken> tokens_;
  std::size_t at_ = 0;
};

}  // namespace hearth::engine::jinja

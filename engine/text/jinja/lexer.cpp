#include "engine/text/jinja/lexer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/numbers.h"
#include "engine/text/jinja/string_literal.h"
#include "engine/text/jinja/unicode.h"

namespace hearth::engine::jinja {
namespace {

// \r\n and \r become \n; one trailing newline goes.
std::string normalized(std::string_view source) {
  std::string result;
  result.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      result += source[i];
    } else {
      result += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
  }
  if (!result.empty() && result.back() == '\n') result.pop_back();
  return result;
}

bool is_all_space(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    if (!is_space(point.value)) return false;
    at += point.bytes;
  }
  return true;
}

std::string_view without_trailing_space(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    at += point.bytes;
    if (!is_space(point.value)) end = at;
  }
  return text.substr(0, end);
}

bool is_digit_char(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalized(source)), text_(source_) {}

  std::vector<LexedToken> run() {
    while (at_ < text_.size()) lex_outside();
    push(TokenKind::eof, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    raise(ErrorCode::template_syntax, "The chat template has a syntax error in line " +
                                          std::to_string(line()) + ": " + what + ".");
  }

  std::size_t line() const {
    return 1 + static_cast<std::size_t>(std::count(
                   text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
  }

  void push(TokenKind kind, std::string text) {
    line_ += static_cast<std::size_t>(
        std::count(text_.begin() + static_cast<std::ptrdiff_t>(counted_),
                   text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
    counted_ = at_;
    LexedToken token;
    token.kind = kind;
    token.text = std::move(text);
    token.line = line_;
    tokens_.push_back(std::move(token));
  }

  bool starts(std::string_view what, std::size_t at) const {
    return text_.substr(at, what.size()) == what;
  }

  std::size_t skip_space(std::size_t at) const {
    while (at < text_.size()) {
      const CodePoint point = decode_at(text_, at);
      if (!is_space(point.value)) break;
      at += point.bytes;
    }
    return at;
  }

  // Matches "{%", an optional sign, space, word, space; gives where that ends.
  std::optional<std::size_t> match_word_tag(std::size_t at, std::string_view word) const {
    if (!starts("{%", at)) return std::nullopt;
    at += 2;
    if (at < text_.size() && (text_[at] == '-' || text_[at] == '+')) ++at;
    at = skip_space(at);
    if (!starts(word, at)) return std::nullopt;
    return skip_space(at + word.size());
  }

  // The end of "{% raw %}", "{% raw -%}   " that starts at `at`.
  std::optional<std::size_t> match_raw_begin(std::size_t at) const {
    const auto tail = match_word_tag(at, "raw");
    if (!tail) return std::nullopt;
    if (starts("-%}", *tail)) return skip_space(*tail + 3);
    if (starts("%}", *tail)) return *tail + 2;
    return std::nullopt;
  }

  // The end of a closing tag at `at`: "+%}", "-%}" with the space after it, "%}" with one newline;
  // close is "%}" or "#}".
  std::optional<std::size_t> match_close(std::size_t at, std::string_view close) const {
    if (at < text_.size() && text_[at] == '+' && starts(close, at + 1)) return at + 3;
    if (at < text_.size() && text_[at] == '-' && starts(close, at + 1)) return skip_space(at + 3);
    if (!starts(close, at)) return std::nullopt;
    return at + 2 < text_.size() && text_[at + 2] == '\n' ? at + 3 : at + 2;
  }

  // Emits the text before a tag; sign and lstrip_blocks decide what white space at its end is
  // dropped.
  void push_data(std::string_view data, char sign, bool strips_blocks) {
    if (sign == '-') {
      data = without_trailing_space(data);
    } else if (sign != '+' && strips_blocks) {
      const std::size_t newline = data.rfind('\n');
      const std::size_t line_begin = newline == std::string_view::npos ? 0 : newline + 1;
      const bool whole_line = line_begin > 0 || line_starting_;
      if (whole_line && line_begin < data.size() && is_all_space(data.substr(line_begin))) {
        data = data.substr(0, line_begin);
      }
    }
    if (!data.empty()) push(TokenKind::data, std::string(data));
  }

  char sign_at(std::size_t at) const {
    return at < text_.size() && (text_[at] == '-' || text_[at] == '+') ? text_[at] : '\0';
  }

  void moved_to(std::size_t at) {
    at_ = at;
    line_starting_ = at > 0 && text_[at - 1] == '\n';
  }

  void lex_outside() {
    std::size_t tag = at_;
    while ((tag = text_.find('{', tag)) != std::string_view::npos) {
      if (starts("{{", tag) || starts("{%", tag) || starts("{#", tag)) break;
      ++tag;
    }
    if (tag == std::string_view::npos) {
      push(TokenKind::data, std::string(text_.substr(at_)));
      at_ = text_.size();
      return;
    }
    const std::string_view before = text_.substr(at_, tag - at_);
    const char sign = sign_at(tag + 2);
    const char kind = text_[tag + 1];
    push_data(before, sign, kind != '{');
    if (const auto raw = kind == '%' ? match_raw_begin(tag) : std::nullopt) {
      moved_to(*raw);
      return lex_raw();
    }
    moved_to(tag + (sign != '\0' ? 3 : 2));
    if (kind == '#') return lex_comment();
    push(kind == '{' ? TokenKind::variable_begin : TokenKind::block_begin, "");
    lex_inside(kind == '{');
  }

  void lex_comment() {
    for (std::size_t at = at_; at < text_.size(); ++at) {
      if (const auto end = match_close(at, "#}")) return moved_to(*end);
    }
    if (at_ < text_.size()) fail("a comment has no end");
  }

  void lex_raw() {
    for (std::size_t at = at_; at < text_.size(); ++at) {
      const auto tail = match_word_tag(at, "endraw");
      const auto end = tail ? match_close(*tail, "%}") : std::nullopt;
      if (!end) continue;
      push_data(text_.substr(at_, at - at_), sign_at(at + 2), true);
      return moved_to(*end);
    }
    if (at_ < text_.size()) fail("a raw block has no end");
  }

  // One tag, up to and including its end.
  void lex_inside(bool is_variable) {
    std::string open_brackets;
    while (at_ < text_.size()) {
      if (open_brackets.empty()) {
        if (const auto end = is_variable ? match_variable_close() : match_close(at_, "%}")) {
          push(is_variable ? TokenKind::variable_end : TokenKind::block_end, "");
          return moved_to(*end);
        }
      }
      const std::size_t next = skip_space(at_);
      if (next != at_) {
        at_ = next;
        continue;
      }
      lex_token(open_brackets);
    }
  }

  std::optional<std::size_t> match_variable_close() const {
    if (starts("-}}", at_)) return skip_space(at_ + 3);
    if (starts("}}", at_)) return at_ + 2;
    return std::nullopt;
  }

  void lex_token(std::string& open_brackets) {
    const CodePoint point = decode_at(text_, at_);
    if (is_digit_char(text_[at_])) return lex_number();
    if (is_identifier_part(point.value)) return lex_name();
    if (text_[at_] == '\'' || text_[at_] == '"') return lex_string();
    lex_operator(open_brackets);
  }

  void lex_name() {
    const std::size_t begin = at_;
    if (!is_identifier_start(decode_at(text_, at_).value))
      fail("an identifier has an invalid character");
    while (at_ < text_.size() && is_identifier_part(decode_at(text_, at_).value))
      at_ += decode_at(text_, at_).bytes;
    push(TokenKind::name, std::string(text_.substr(begin, at_ - begin)));
  }

  void lex_string() {
    const std::size_t begin = at_ + 1;
    std::size_t end = begin;
    while (end < text_.size() && text_[end] != text_[at_]) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) fail("a string has no end");
    auto unescaped = unescape_string_literal(text_.substr(begin, end - begin));
    if (!unescaped) fail("a string has an invalid escape");
    at_ = end + 1;
    push(TokenKind::string, std::move(*unescaped));
  }

  // (\d+_)*\d+ from `at`; gives its end, or `at`.
  std::size_t skip_digits(std::size_t at, std::string_view digits = "0123456789") const {
    const auto is_one = [&](std::size_t i) {
      return i < text_.size() && digits.find(text_[i]) != std::string_view::npos;
    };
    if (!is_one(at)) return at;
    while (is_one(at) || (at < text_.size() && text_[at] == '_' && is_one(at + 1))) ++at;
    return at;
  }

  // The end of a float that starts at at_, or at_.
  std::size_t float_end() const {
    if (at_ > 0 && text_[at_ - 1] == '.') return at_;
    const std::size_t whole = skip_digits(at_);
    std::size_t end = whole;
    if (end < text_.size() && text_[end] == '.') {
      const std::size_t fraction = skip_digits(end + 1);
      if (fraction > end + 1) end = fraction;
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      std::size_t digits = end + 1;
      if (digits < text_.size() && (text_[digits] == '+' || text_[digits] == '-')) ++digits;
      const std::size_t exponent = skip_digits(digits);
      if (exponent > digits) return exponent;
    }
    return end == whole ? at_ : end;
  }

  std::size_t integer_end() const {
    if (text_[at_] == '0' && at_ + 1 < text_.size()) {
      const char kind = static_cast<char>(text_[at_ + 1] | 0x20);
      const std::string_view digits = kind == 'x'   ? "0123456789abcdefABCDEF"
                                      : kind == 'o' ? "01234567"
                                      : kind == 'b' ? "01"
                                                    : "";
      std::size_t first = at_ + 2;
      if (first < text_.size() && text_[first] == '_') ++first;
      const std::size_t end = digits.empty() ? first : skip_digits(first, digits);
      if (!digits.empty() && end > first) return end;
    }
    return skip_digits(at_, text_[at_] == '0' ? "0" : "0123456789");
  }

  void lex_number() {
    const std::size_t begin = at_;
    const std::size_t end = float_end();
    const bool is_float = end > at_;
    at_ = is_float ? end : integer_end();
    push(is_float ? TokenKind::floating : TokenKind::integer,
         std::string(text_.substr(begin, at_ - begin)));
    if (is_float) {
      tokens_.back().floating = parse_float(tokens_.back().text).value_or(0);
    } else {
      tokens_.back().integer = parse_int(tokens_.back().text, 0).value_or(0);
    }
  }

  void lex_operator(std::string& open_brackets) {
    static constexpr std::array<std::string_view, 26> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    const auto* found = std::find_if(kOperators.begin(), kOperators.end(),
                                     [&](std::string_view op) { return starts(op, at_); });
    if (found == kOperators.end()) fail("a character that means nothing here");
    const char c = (*found)[0];
    if (c == '(' || c == '[' || c == '{') open_brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open_brackets.empty() || open_brackets.back() != c)
        fail("an unexpected '" + std::string(1, c) + "'");
      open_brackets.pop_back();
    }
    push(TokenKind::op, std::string(*found));
    at_ += found->size();
  }

  std::string source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t counted_ = 0;  // newlines before this byte are in line_
  std::size_t line_ = 1;
  bool line_starting_ = true;
  std::vector<LexedToken> tokens_;
};

}  // namespace

std::vector<LexedToken> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace hearth::engine::jinja

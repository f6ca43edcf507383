// {"String": …} or {"Regex": …}: what Split, the Replace normalizer and the Replace decoder look
// for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/text/json_fields.h"
#include "engine/text/regex.h"

namespace hearth::engine {

// A literal or a regular expression. Immutable.
class Pattern {
 public:
  // Reads fields' "pattern". Errors: tokenizer_invalid, tokenizer_unsupported.
  static Result<Pattern> from_json(JsonFields& fields);
  static Pattern literal(std::string text);
  static Result<Pattern> regex(std::string_view text);

  // Appends the non-empty matches in text, from left to right. Throws Regex::LimitReached.
  void find_all(std::string_view text, std::vector<TextRange>& matches) const;

  // The literal, or nullopt for an expression.
  const std::optional<std::string>& literal_text() const { return literal_; }

 private:
  std::optional<std::string> literal_;
  std::optional<Regex> regex_;
};

}  // namespace hearth::engine

// Patterns of tokenizer.json. They are written for Oniguruma; PCRE2 with UTF and UCP runs them
// here.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"

namespace hearth::engine {

struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  friend bool operator==(const TextRange&, const TextRange&) = default;
};

// Immutable: any number of threads may search at once. Patterns come from model folders, never from
// requests.
class Regex {
 public:
  // What find_all throws when a match would cost more than the limits allow. Tokenizers make
  // tokenizer_limit of it; it does not leave engine/text.
  struct LimitReached {};

  // Errors: tokenizer_unsupported (a construct that PCRE2 would read differently),
  // tokenizer_invalid (not a pattern).
  static Result<Regex> compile(std::string_view pattern);

  // Appends the non-empty matches in `text` (valid UTF-8), from left to right. Throws LimitReached.
  void find_all(std::string_view text, std::vector<TextRange>& matches) const;

 private:
  struct Code;
  explicit Regex(std::shared_ptr<const Code> code) : code_(std::move(code)) {}

  std::shared_ptr<const Code> code_;
};

// The same pattern in PCRE2's dialect: \s, \w, \d, \h and script names mean other sets there.
// Errors: tokenizer_unsupported.
Result<std::string> to_pcre2(std::string_view pattern);

}  // namespace hearth::engine

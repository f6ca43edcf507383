// Texts of a wanted length in tokens, no two alike.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace hearth::bench {

// A text of that many common words.
std::string some_words(std::int64_t count, std::mt19937_64& random);

// How many tokens a prompt of so many words has, as the server counted it.
struct TokenScale {
  double per_word = 1.0;
  double besides = 0.0;  // the template and what it adds

  std::int64_t words_for(std::int64_t content_tokens) const;
};

}  // namespace hearth::bench

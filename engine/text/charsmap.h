// SentencePiece's precompiled character map: the longest prefix that has a replacement. The map is
// a double-array trie (Darts-clone) and a blob of replacements; the file is not trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"

namespace hearth::engine {

// Immutable; any thread.
class Charsmap {
 public:
  Charsmap() = default;  // maps nothing

  // Errors: tokenizer_invalid.
  static Result<Charsmap> parse(std::string_view bytes, const std::string& where);

  bool empty() const { return units_.empty(); }

  struct Match {
    std::size_t bytes = 0;         // of the text
    std::string_view replacement;  // valid UTF-8
  };
  // The longest mapped prefix of text, or nullopt.
  std::optional<Match> longest_prefix(std::string_view text) const;
  // The shortest one.
  std::optional<Match> shortest_prefix(std::string_view text) const;

 private:
  // Calls seen with every mapped prefix, from the shortest on, until it returns false.
  template <class Seen>
  void walk(std::string_view text, const Seen& seen) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;  // each ends with a NUL
};

}  // namespace hearth::engine

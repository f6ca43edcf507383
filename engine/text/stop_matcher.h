// Ends a reply at the first occurrence of a stop string, without ever showing part of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::engine {

// One per reply; one thread at a time. Holds back at most (longest stop string − 1) bytes: exactly
// the longest end of the text that begins a stop string. The occurrence that is complete first
// counts, of those the longest; how the text is cut into pushes does not matter. Each byte costs a
// few steps per stop string, whatever the text (Knuth, Morris, Pratt 1977).
class StopMatcher {
 public:
  // Valid UTF-8; empty strings are ignored.
  explicit StopMatcher(std::vector<std::string> stop_strings);

  struct Output {
    std::string
        text;  // may be shown now; holds neither a stop string nor an end that could become one
    bool stopped =
        false;  // a stop string was found: text ends just before it; push must not be called again
    std::string stop_string;  // which, when stopped
  };

  // text is whole UTF-8.
  Output push(std::string_view text);

  // The text held back, when generation ended for another reason.
  std::string finish();

 private:
  struct Pattern {
    std::string text;
    std::vector<std::size_t>
        fallback;             // [i]: the longest proper prefix of text that text[0, i) ends with
    std::size_t matched = 0;  // the longest prefix of text that the input ends with
  };

  std::vector<Pattern> patterns_;
  std::string held_;
};

}  // namespace hearth::engine

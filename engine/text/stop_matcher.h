// Ends a reply at the first occurrence of a stop string, without ever showing part of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::engine {

// One per reply; one thread at a time. Holds back at most (longest stop string − 1) bytes, cut at a character boundary.
class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stop_strings);

  struct Output {
    std::string text;          // may be shown now; never contains a stop string or a prefix that could become one
    bool stopped = false;      // a stop string was found: text ends just before it; push must not be called again
    std::string stop_string;   // which, when stopped
  };

  Output push(std::string_view text);

  // The text held back, when generation ended for another reason.
  std::string finish();

 private:
  std::vector<std::string> stop_strings_;
  std::string held_;
};

}  // namespace hearth::engine

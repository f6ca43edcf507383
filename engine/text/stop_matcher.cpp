#include "engine/text/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace hearth::engine {
namespace {

std::vector<std::size_t> fallback_of(const std::string& text) {
  std::vector<std::size_t> fallback(text.size() + 1, 0);
  std::size_t matched = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    while (matched > 0 && text[i] != text[matched]) matched = fallback[matched];
    if (text[i] == text[matched]) ++matched;
    fallback[i + 1] = matched;
  }
  return fallback;
}

}  // namespace

StopMatcher::StopMatcher(std::vector<std::string> stop_strings) {
  for (std::string& text : stop_strings) {
    if (text.empty()) continue;
    std::vector<std::size_t> fallback = fallback_of(text);
    patterns_.push_back({std::move(text), std::move(fallback), 0});
  }
}

StopMatcher::Output StopMatcher::push(std::string_view text) {
  Output output;
  held_.append(text);
  const std::size_t seen = held_.size() - text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const Pattern* complete = nullptr;
    for (Pattern& pattern : patterns_) {
      while (pattern.matched > 0 && text[i] != pattern.text[pattern.matched]) {
        pattern.matched = pattern.fallback[pattern.matched];
      }
      if (text[i] == pattern.text[pattern.matched]) ++pattern.matched;
      if (pattern.matched < pattern.text.size()) continue;
      if (complete == nullptr || pattern.text.size() > complete->text.size()) complete = &pattern;
      pattern.matched = pattern.fallback[pattern.matched];
    }
    if (complete == nullptr) continue;
    output.text = held_.substr(0, seen + i + 1 - complete->text.size());
    output.stopped = true;
    output.stop_string = complete->text;
    held_.clear();
    return output;
  }
  std::size_t num_held = 0;
  for (const Pattern& pattern : patterns_) num_held = std::max(num_held, pattern.matched);
  output.text = held_.substr(0, held_.size() - num_held);
  held_.erase(0, output.text.size());
  return output;
}

std::string StopMatcher::finish() { return std::exchange(held_, {}); }

}  // namespace hearth::engine

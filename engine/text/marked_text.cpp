#include "engine/text/marked_text.h"

#include <algorithm>
#include <utility>

namespace hearth::engine {

MarkedText::MarkedText(std::string text, Origin origin) : text_(std::move(text)) {
  if (!text_.empty()) runs_.push_back({text_.size(), origin});
}

void MarkedText::append(std::string_view text, Origin origin) {
  if (text.empty()) return;
  text_.append(text);
  if (!runs_.empty() && runs_.back().origin == origin) {
    runs_.back().bytes += text.size();
  } else {
    runs_.push_back({text.size(), origin});
  }
}

void MarkedText::append(const MarkedText& other) {
  if (&other == this) return append(MarkedText(other));
  const std::string_view text = other.text_;
  std::size_t begin = 0;
  for (const Run& run : other.runs_) {
    append(text.substr(begin, run.bytes), run.origin);
    begin += run.bytes;
  }
}

MarkedText MarkedText::slice(std::size_t begin, std::size_t end) const {
  end = std::min(end, text_.size());
  MarkedText result;
  if (begin >= end) return result;
  result.text_ = text_.substr(begin, end - begin);
  std::size_t run_begin = 0;
  for (const Run& run : runs_) {
    const std::size_t run_end = run_begin + run.bytes;
    const std::size_t from = std::max(begin, run_begin);
    const std::size_t to = std::min(end, run_end);
    if (from < to) result.runs_.push_back({to - from, run.origin});
    if (run_end >= end) break;
    run_begin = run_end;
  }
  return result;
}

bool MarkedText::touches_message(std::size_t begin, std::size_t end) const {
  std::size_t run_begin = 0;
  for (const Run& run : runs_) {
    if (run_begin >= end) return false;
    const std::size_t run_end = run_begin + run.bytes;
    if (run.origin == Origin::from_message && begin < run_end && begin < end) return true;
    run_begin = run_end;
  }
  return false;
}

}  // namespace hearth::engine

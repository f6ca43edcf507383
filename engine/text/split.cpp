#include "engine/text/split.h"

#include <algorithm>

namespace hearth::engine {
namespace {

struct Segment {
  TextRange range;
  bool is_match = false;
};

std::vector<Segment> segments_of(const std::vector<TextRange>& matches, std::size_t num_bytes,
                                 bool invert) {
  std::vector<Segment> segments;
  segments.reserve(2 * matches.size() + 1);
  std::size_t end = 0;
  for (const TextRange& match : matches) {
    if (match.begin > end) segments.push_back({{end, match.begin}, invert});
    segments.push_back({match, !invert});
    end = match.end;
  }
  if (end < num_bytes) segments.push_back({{end, num_bytes}, invert});
  return segments;
}

// Joins a segment to the one before it where `joins(previous is a match, this is a match)` says so.
// The first segment has a non-match in front of it.
template <class Joins>
void join_forward(const std::vector<Segment>& segments, Joins joins,
                  std::vector<TextRange>& pieces) {
  bool previous = false;
  bool first = true;
  for (const Segment& segment : segments) {
    if (!first && joins(previous, segment.is_match)) {
      pieces.back().end = segment.range.end;
    } else {
      pieces.push_back(segment.range);
    }
    previous = segment.is_match;
    first = false;
  }
}

void join_with_next(const std::vector<Segment>& segments, std::vector<TextRange>& pieces) {
  const auto begin = static_cast<std::ptrdiff_t>(pieces.size());
  bool next = false;
  bool first = true;
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    if (!first && segment->is_match && !next) {
      pieces.back().begin = segment->range.begin;
    } else {
      pieces.push_back(segment->range);
    }
    next = segment->is_match;
    first = false;
  }
  std::reverse(pieces.begin() + begin, pieces.end());
}

}  // namespace

void split_at(const std::vector<TextRange>& matches, std::size_t num_bytes, SplitBehavior behavior,
              bool invert, std::vector<TextRange>& pieces) {
  const std::vector<Segment> segments = segments_of(matches, num_bytes, invert);
  switch (behavior) {
    case SplitBehavior::removed:
      for (const Segment& segment : segments) {
        if (!segment.is_match) pieces.push_back(segment.range);
      }
      return;
    case SplitBehavior::isolated:
      for (const Segment& segment : segments) pieces.push_back(segment.range);
      return;
    case SplitBehavior::merged_with_previous:
      return join_forward(
          segments, [](bool previous, bool match) { return match && !previous; }, pieces);
    case SplitBehavior::contiguous:
      return join_forward(
          segments, [](bool previous, bool match) { return match == previous; }, pieces);
    case SplitBehavior::merged_with_next:
      return join_with_next(segments, pieces);
  }
}

}  // namespace hearth::engine

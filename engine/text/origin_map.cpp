#include "engine/text/origin_map.h"

#include <algorithm>

namespace hearth::engine {

OriginMap::OriginMap(const std::vector<MarkedText::Run>& runs) {
  std::size_t at = 0;
  for (const MarkedText::Run& run : runs) {
    if (run.origin == Origin::from_message) messages_.push_back({at, at + run.bytes});
    at += run.bytes;
  }
}

OriginMap::OriginMap(std::span<const std::uint8_t> marks) {
  for (std::size_t at = 0; at < marks.size(); ++at) {
    if (marks[at] == 0) continue;
    if (!messages_.empty() && messages_.back().end == at) {
      ++messages_.back().end;
    } else {
      messages_.push_back({at, at + 1});
    }
  }
}

std::vector<TextRange>::const_iterator OriginMap::range_after(std::size_t at) const {
  return std::upper_bound(
      messages_.begin(), messages_.end(), at,
      [](std::size_t byte, const TextRange& range) { return byte < range.end; });
}

bool OriginMap::touches_message(std::size_t begin, std::size_t end) const {
  const auto range = range_after(begin);
  return begin < end && range != messages_.end() && range->begin < end;
}

void OriginMap::append_marks(std::size_t begin, std::size_t end,
                             std::vector<std::uint8_t>& marks) const {
  const std::size_t offset = marks.size();
  marks.resize(offset + (end - begin), 0);
  for (auto range = range_after(begin); range != messages_.end() && range->begin < end; ++range) {
    for (std::size_t at = std::max(range->begin, begin); at < std::min(range->end, end); ++at) {
      marks[offset + (at - begin)] = 1;
    }
  }
}

}  // namespace hearth::engine

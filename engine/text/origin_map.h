// Which bytes of a text came from a message, for questions in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/text/marked_text.h"
#include "engine/text/regex.h"

namespace hearth::engine {

// A few sorted ranges; each question is a binary search.
class OriginMap {
 public:
  OriginMap() = default;  // nothing came from a message
  explicit OriginMap(const std::vector<MarkedText::Run>& runs);
  explicit OriginMap(std::span<const std::uint8_t> marks);  // one per byte, 1 for a message's

  bool empty() const { return messages_.empty(); }

  // True when any byte of [begin, end) came from a message.
  bool touches_message(std::size_t begin, std::size_t end) const;
  // 1 for each byte of [begin, end) that did; appended.
  void append_marks(std::size_t begin, std::size_t end, std::vector<std::uint8_t>& marks) const;

 private:
  // The first range that ends after `at`.
  std::vector<TextRange>::const_iterator range_after(std::size_t at) const;

  std::vector<TextRange> messages_;  // ascending, not touching
};

}  // namespace hearth::engine

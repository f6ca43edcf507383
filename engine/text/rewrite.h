// A text being rewritten from left to right, with the origin of every byte if somebody asks for it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::engine {

// marks[i] is 1 where byte i came from a message. Empty means: nobody asks.
using ByteMarks = std::vector<std::uint8_t>;

// Writes out = f(source). A written byte is marked when any byte of the source range it stands for
// is.
class Rewrite {
 public:
  Rewrite(std::string_view source, std::span<const std::uint8_t> marks, std::string& out,
          ByteMarks& out_marks)
      : source_(source), marks_(marks), out_(out), out_marks_(out_marks) {
    out_.clear();
    out_marks_.clear();
  }

  // Bytes [begin, end) of the source as they are.
  void copy(std::size_t begin, std::size_t end) {
    out_.append(source_, begin, end - begin);
    if (!marks_.empty()) {
      const auto range = marks_.subspan(begin, end - begin);
      out_marks_.insert(out_marks_.end(), range.begin(), range.end());
    }
  }

  // `text` in place of the source's [begin, end).
  void put(std::string_view text, std::size_t begin, std::size_t end) {
    out_.append(text);
    if (!marks_.empty()) {
      const auto range = marks_.subspan(begin, end - begin);
      const bool marked = std::find(range.begin(), range.end(), 1) != range.end();
      out_marks_.resize(out_.size(), marked ? 1 : 0);
    }
  }

 private:
  std::string_view source_;
  std::span<const std::uint8_t> marks_;
  std::string& out_;
  ByteMarks& out_marks_;
};

}  // namespace hearth::engine

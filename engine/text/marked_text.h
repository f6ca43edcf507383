// Text of which every byte knows where it came from: written by the chat template, or by a person
// (or the model) in a message. The tokenizer suppresses matches of special tokens that touch
// message bytes, so nobody can forge a turn by typing
// "<|im_end|>" (DESIGN §10, "Text and fidelity").
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::engine {

enum class Origin : std::uint8_t { from_template, from_message };

// A UTF-8 string with origin runs. Runs are non-empty, adjacent runs differ in origin, and together
// they cover text exactly. A value type; used by one thread at a time.
class MarkedText {
 public:
  struct Run {
    std::size_t bytes = 0;
    Origin origin = Origin::from_template;
  };

  MarkedText() = default;
  MarkedText(std::string text, Origin origin);

  void append(std::string_view text, Origin origin);
  void append(const MarkedText& other);

  const std::string& text() const { return text_; }
  const std::vector<Run>& runs() const { return runs_; }
  bool empty() const { return text_.empty(); }

  // Bytes [begin, end), clipped to the text.
  MarkedText slice(std::size_t begin, std::size_t end) const;

  // True when any byte of [begin, end) came from a message.
  bool touches_message(std::size_t begin, std::size_t end) const;

 private:
  std::string text_;
  std::vector<Run> runs_;
};

}  // namespace hearth::engine

// One line being typed: keys in, a line and how it looks out. Knows no terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::engine {

// The keys of a shell's line: arrows, Home, End, Delete, Ctrl-A -B -D -E -F -K -N -P -U -W, up and
// down for earlier lines. What is pasted in brackets (\e[200~ … \e[201~) keeps its line breaks.
class LineEditor {
 public:
  static constexpr std::size_t kLineMax = 1 << 20;  // bytes; more is not taken

  enum class Outcome { editing, entered, closed };

  // The next byte of the keyboard. entered: take() has the line; closed: Ctrl-D on an empty line.
  Outcome feed(char byte);

  // The line, which joins the earlier ones; the editor is empty again.
  std::string take();
  void clear();  // Ctrl-C: what was typed is gone
  void remember(const std::string& line);
  bool empty() const { return text_.empty(); }

  // The bytes that draw the line in a row of `columns`, from any column of it: the part around the
  // cursor when it is longer.
  std::string drawn(std::string_view prompt, std::size_t columns) const;

 private:
  void insert(std::string_view bytes);
  void control(char byte);
  void escape_ended();
  void erase(std::size_t begin, std::size_t end);
  void recall(bool is_earlier);
  std::size_t before(std::size_t at) const;  // where the character before it begins
  std::size_t behind(std::size_t at) const;
  std::size_t word_begin() const;

  std::string text_;     // valid UTF-8
  std::size_t at_ = 0;   // of the cursor, a byte of text_
  std::string pending_;  // of a character of several bytes
  std::string escape_;   // an escape sequence as far as it came
  bool is_pasting_ = false;
  std::vector<std::string> earlier_;
  std::size_t place_ = 0;  // in earlier_; its end is what is being typed
  std::string draft_;      // that, while an earlier one is shown
};

}  // namespace hearth::engine

// Lines from a terminal, with editing, or from a pipe or file, as they are.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/cli/chat/interrupts.h"
#include "engine/cli/chat/line_editor.h"
#include "engine/cli/chat/screen.h"

namespace hearth::engine {

struct ReadLine {
  enum class Kind { line, end, interrupted };
  Kind kind = Kind::end;
  std::string text{};  // valid UTF-8, without its line break
};

// One thread. References outlive it.
class LineReader {
 public:
  // edits: `in` is a terminal and the screen is one too. It is then in a mode of its own until the
  // reader goes.
  LineReader(int in, bool edits, Interrupts& interrupts, Screen& screen);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // Waits for a whole line, the end of the input or Ctrl-C. The prompt is drawn where lines are
  // edited.
  ReadLine next(std::string_view prompt);

  // True once after something was typed: what came before is forgotten.
  bool take_typed();

 private:
  struct Mode;  // the terminal's, as it was

  bool fill();  // false: the input ended
  ReadLine edit(std::string_view prompt);
  ReadLine read(std::string_view prompt);

  int in_;
  Interrupts& interrupts_;
  Screen& screen_;
  std::unique_ptr<Mode> mode_;  // null: no editing
  LineEditor editor_;
  std::string bytes_;         // read and not used yet
  std::size_t searched_ = 0;  // of bytes_, without a line break
  bool has_ended_ = false;
  bool has_typed_ = false;
};

}  // namespace hearth::engine

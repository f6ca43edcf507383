// What `hearth chat` prints, and where: replies and answers to stdout, remarks and errors to stderr
// unless both are one terminal. No escape codes unless stdout is a terminal.
#pragma once

#include <string>
#include <string_view>

namespace hearth::engine {

class Screen {
 public:
  // File descriptors, not owned. is_terminal: `out` is one and understands escape codes.
  Screen(int out, int err, bool is_terminal, bool has_colour);

  bool is_terminal() const { return is_terminal_; }

  // The model's own words. On a terminal without control characters: they would be commands to it.
  void reply(std::string_view text);
  void end_reply();
  // What a command was asked for, with its line break.
  void answer(std::string_view text);
  // A remark on the way: dim on a terminal.
  void remark(std::string_view text);
  // "hearth: <sentence>"
  void error(std::string_view sentence);
  // Bytes for a terminal as they are.
  void raw(std::string_view bytes);

 private:
  int out_;
  int err_;
  bool is_terminal_;
  bool has_colour_;
  bool is_in_line_ = false;  // the reply's last character was no line break
};

}  // namespace hearth::engine

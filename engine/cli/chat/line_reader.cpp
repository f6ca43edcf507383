#include "engine/cli/chat/line_reader.h"

#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

constexpr std::size_t kColumns = 80;  // where the terminal does not say
constexpr std::string_view kPasteOn = "\x1b[?2004h";
constexpr std::string_view kPasteOff = "\x1b[?2004l";

std::size_t columns_of(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kColumns;
}

enum class Ready { input, interrupt };

Ready wait_for(int in, int interrupt_fd) {
  std::array<pollfd, 2> fds{{{in, POLLIN, 0}, {interrupt_fd, POLLIN, 0}}};
  while (poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
  }
  return fds[1].revents != 0 ? Ready::interrupt : Ready::input;
}

}  // namespace

struct LineReader::Mode {
  termios before{};
};

// Keys come one by one and unseen; Ctrl-C stays a signal, Ctrl-Z is off: it would leave the mode to
// the shell.
LineReader::LineReader(int in, bool edits, Interrupts& interrupts, Screen& screen)
    : in_(in), interrupts_(interrupts), screen_(screen) {
  termios mode{};
  if (!edits || tcgetattr(in_, &mode) != 0) return;
  mode_ = std::make_unique<Mode>(Mode{mode});
  mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | IEXTEN);
  mode.c_cc[VSUSP] = _POSIX_VDISABLE;
  mode.c_cc[VMIN] = 1;
  mode.c_cc[VTIME] = 0;
  tcsetattr(in_, TCSADRAIN, &mode);
}

LineReader::~LineReader() {
  if (mode_) tcsetattr(in_, TCSADRAIN, &mode_->before);
}

bool LineReader::take_typed() { return std::exchange(has_typed_, false); }

bool LineReader::fill() {
  std::array<char, 4096> buffer{};
  const ssize_t num_read = ::read(in_, buffer.data(), buffer.size());
  if (num_read < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (num_read <= 0) return false;
  bytes_.append(buffer.data(), static_cast<std::size_t>(num_read));
  has_typed_ = true;
  return true;
}

ReadLine LineReader::next(std::string_view prompt) { return mode_ ? edit(prompt) : read(prompt); }

ReadLine LineReader::read(std::string_view prompt) {
  if (isatty(in_) != 0) screen_.raw(prompt);
  for (;;) {
    const std::size_t end = bytes_.find('\n', searched_);
    if (end != std::string::npos) {
      std::string line = bytes_.substr(0, end);
      bytes_.erase(0, end + 1);
      searched_ = 0;
      if (line.ends_with('\r')) line.pop_back();
      return {ReadLine::Kind::line, to_valid_utf8(line)};
    }
    searched_ = bytes_.size();
    if (has_ended_ || bytes_.size() > LineEditor::kLineMax) {
      if (bytes_.empty()) return {ReadLine::Kind::end};
      searched_ = 0;
      return {ReadLine::Kind::line, to_valid_utf8(std::exchange(bytes_, {}))};
    }
    if (wait_for(in_, interrupts_.fd()) == Ready::interrupt) return {ReadLine::Kind::interrupted};
    if (!fill()) has_ended_ = true;
  }
}

ReadLine LineReader::edit(std::string_view prompt) {
  screen_.raw(kPasteOn);
  const auto ended = [this](ReadLine line) {
    screen_.raw(std::string(kPasteOff) + "\n");
    return line;
  };
  for (;;) {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      const LineEditor::Outcome outcome = editor_.feed(bytes_[i]);
      if (outcome == LineEditor::Outcome::editing) continue;
      screen_.raw(editor_.drawn(prompt, columns_of(in_)));
      bytes_.erase(0, i + 1);
      if (outcome == LineEditor::Outcome::closed) return ended({ReadLine::Kind::end});
      return ended({ReadLine::Kind::line, editor_.take()});
    }
    bytes_.clear();
    screen_.raw(editor_.drawn(prompt, columns_of(in_)));
    if (wait_for(in_, interrupts_.fd()) == Ready::interrupt) {
      editor_.clear();
      return ended({ReadLine::Kind::interrupted});
    }
    if (!fill()) return ended({ReadLine::Kind::end});
  }
}

}  // namespace hearth::engine

#include "engine/cli/chat/screen.h"

#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace hearth::engine {
namespace {

void put(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno == EAGAIN) {
      pollfd one{fd, POLLOUT, 0};
      poll(&one, 1, -1);
    } else if (written < 0 && errno != EINTR) {
      return;  // nobody reads any more
    }
  }
}

// U+0000–001F but tab and line break, and DEL. U+0080–009F, which some terminals obey too, begin
// with C2.
std::string without_controls(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_c1 =
        byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (is_c1) ++i;
    const bool is_shown = byte >= ' ' ? byte != 0x7F : byte == '\t' || byte == '\n';
    if (is_shown && !is_c1) out += text[i];
  }
  return out;
}

}  // namespace

Screen::Screen(int out, int err, bool is_terminal, bool has_colour)
    : out_(out), err_(err), is_terminal_(is_terminal), has_colour_(is_terminal && has_colour) {}

void Screen::reply(std::string_view text) {
  if (text.empty()) return;
  put(out_, is_terminal_ ? without_controls(text) : std::string(text));
  is_in_line_ = text.back() != '\n';
}

void Screen::end_reply() {
  put(out_, is_in_line_ || !is_terminal_ ? "\n" : "");
  is_in_line_ = false;
}

void Screen::answer(std::string_view text) { put(out_, std::string(text) + "\n"); }

void Screen::remark(std::string_view text) {
  const std::string line(text);
  if (has_colour_) {
    put(out_, "\x1b[2m" + line + "\x1b[0m\n");
  } else {
    put(is_terminal_ ? out_ : err_, line + "\n");
  }
}

void Screen::error(std::string_view sentence) {
  put(err_, "hearth: " + std::string(sentence) + "\n");
}

void Screen::raw(std::string_view bytes) { put(out_, bytes); }

}  // namespace hearth::engine

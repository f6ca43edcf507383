#include "engine/cli/chat/interrupts.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <unistd.h>

#include "engine/base/check.h"

namespace hearth::engine {
namespace {

std::atomic<int> notified_fd{-1};
struct sigaction previous_action = {};

// Only what a signal handler may do.
void on_sigint(int) {
  const int saved = errno;
  const char byte = 0;
  [[maybe_unused]] const ssize_t written = write(notified_fd.load(), &byte, 1);
  errno = saved;
}

}  // namespace

Interrupts::Interrupts() {
  CHECK(notified_fd.load() < 0);
  CHECK(pipe2(pipe_, O_NONBLOCK | O_CLOEXEC) == 0);
  notified_fd = pipe_[1];
  struct sigaction action = {};
  action.sa_handler = on_sigint;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &previous_action);
}

Interrupts::~Interrupts() {
  sigaction(SIGINT, &previous_action, nullptr);
  notified_fd = -1;
  close(pipe_[0]);
  close(pipe_[1]);
}

int Interrupts::take() {
  std::array<char, 64> bytes{};
  int count = 0;
  for (;;) {
    const ssize_t num_read = read(pipe_[0], bytes.data(), bytes.size());
    if (num_read <= 0) return count;
    count += static_cast<int>(num_read);
  }
}

}  // namespace hearth::engine

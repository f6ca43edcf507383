// Ctrl-C as something that can be waited for and counted, instead of the end of the program.
#pragma once

namespace hearth::engine {

// At most one in the process while it lives: SIGINT is the process's. One thread.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();  // SIGINT does again what it did before
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // Readable while there are some that nobody took.
  int fd() const { return pipe_[0]; }

  // How many came since the last call.
  int take();

 private:
  int pipe_[2] = {-1, -1};
};

}  // namespace hearth::engine

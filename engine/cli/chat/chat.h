// `hearth chat`: a chat in the terminal, or through pipes, with a model folder or a running server.
#pragma once

#include <string>

#include "engine/cli/chat/chat_backend.h"
#include "engine/cli/flags.h"

namespace CLI {
class App;
}

namespace hearth::engine {

void add_chat_command(CLI::App& app);

// The command's loop on any three file descriptors. Takes SIGINT for its time. Returns the exit
// code: 0, 1 when a message could not be answered, 130 when Ctrl-C ended it.
struct ChatStreams {
  int in = 0;
  int out = 1;
  int err = 2;
};
int run_chat(ChatBackend& backend, const ChatStreams& streams, const SamplingFlags& settings,
             const std::string& system);

}  // namespace hearth::engine

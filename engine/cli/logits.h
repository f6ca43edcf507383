// hearth logits: the raw scores of every position of a list of ids, to compare with any other
// implementation.
#pragma once

namespace CLI {
class App;
}

namespace hearth::engine {

// Adds the sub-command to app. It writes a .npy file, float32 [T, V]; on failure one sentence to
// stderr, and throws CLI::RuntimeError(1).
void add_logits_command(CLI::App& app);

}  // namespace hearth::engine

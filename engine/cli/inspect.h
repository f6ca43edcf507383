// hearth inspect: what is inside a model folder, without loading it.
#pragma once

namespace CLI {
class App;
}

namespace hearth::engine {

// Adds the sub-command to app. It prints to stdout; on failure one sentence to stderr, and throws
// CLI::RuntimeError(1).
void add_inspect_command(CLI::App& app);

}  // namespace hearth::engine

// hearth generate: one reply, from a prompt, a list of messages, or raw ids.
#pragma once

namespace CLI {
class App;
}

namespace hearth::engine {

// Adds the sub-command to app. Streams the text to stdout, or prints one JSON object with --json;
// on failure one sentence to stderr, and throws CLI::RuntimeError.
void add_generate_command(CLI::App& app);

}  // namespace hearth::engine

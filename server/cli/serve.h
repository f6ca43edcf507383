// hearth serve: the server, from its configuration to SIGTERM.
#pragma once

namespace CLI {
class App;
}

namespace hearth::server {

// Adds the sub-command to app. It runs until SIGTERM or SIGINT; on failure one sentence to stderr,
// and throws CLI::RuntimeError(1), or (2) for a bad configuration.
void add_serve_command(CLI::App& app);

}  // namespace hearth::server

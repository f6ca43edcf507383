// hearth key, hearth backup: what an operator does with the data folder, also while the server
// runs.
#pragma once

namespace CLI {
class App;
}

namespace hearth::server {

// Add their sub-commands to app. On failure one sentence to stderr, and CLI::RuntimeError(1), or
// (2) for bad usage.
void add_key_command(CLI::App& app);
void add_backup_command(CLI::App& app);

}  // namespace hearth::server

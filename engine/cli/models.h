// hearth models: the families that Hearth can run.
#pragma once

namespace CLI {
class App;
}

namespace hearth::engine {

// Adds the sub-command to app. It prints a table, or JSON with --json.
void add_models_command(CLI::App& app);

}  // namespace hearth::engine

// hearth template: renders a folder's chat template, or any template, without a model.
#pragma once

namespace CLI {
class App;
}

namespace hearth::engine {

// Adds the sub-command to app. It prints to stdout; on failure one sentence to stderr, and throws
// CLI::RuntimeError(1), or (2) when it was used wrongly.
void add_template_command(CLI::App& app);

}  // namespace hearth::engine

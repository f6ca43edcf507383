// hearth classify: texts, or pairs of texts, to class probabilities.
#pragma once

namespace CLI {
class App;
}

namespace hearth::engine {

// Adds the sub-command to app. It prints one line for each label, or one JSON object; with --jsonl
// {"text", "pair"?} per line → {"label", "logits", "probs", "tokens"} or {"error", "message"}. On
// failure one sentence to stderr, and throws CLI::RuntimeError.
void add_classify_command(CLI::App& app);

}  // namespace hearth::engine

// hearth sample: the sampler alone, without a model.
#pragma once

namespace CLI {
class App;
}

namespace hearth::engine {

// Adds the sub-command to app. It reads one JSON object per line from stdin or --file,
//   {"logits", "prompt_ids"?, "generated_ids"?, "eos_token_ids"?, "do_sample"?, "params"?}
// with transformers' names in "params" and null for −inf in "logits", and prints one per line:
//   {"probs", "stages": [{"name", "probs"}…]}  the probabilities at the end and after every stage
//   that changed one
//   {"error", "message"}                       for a line that cannot be understood
// On failure one sentence to stderr; throws CLI::RuntimeError(1).
void add_sample_command(CLI::App& app);

}  // namespace hearth::engine

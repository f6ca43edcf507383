// hearth tokenize, hearth detokenize: a folder's tokenizer, without its model.
#pragma once

namespace CLI {
class App;
}

namespace hearth::engine {

// Add the sub-command to app. It prints to stdout; on failure one sentence to stderr, and throws
// CLI::RuntimeError(1).
//   tokenize    text → {"ids", "tokens"}; with --jsonl {"text", "add_special_tokens"?,
//   "split_special"?} → {"ids"} per line detokenize  ids → {"text"}, with --stream {"deltas"}; with
//   --jsonl {"ids", "skip_special_tokens"?} per line
// A jsonl line that cannot be honoured is answered with {"error": code, "message"}.
void add_tokenize_command(CLI::App& app);
void add_detokenize_command(CLI::App& app);

}  // namespace hearth::engine

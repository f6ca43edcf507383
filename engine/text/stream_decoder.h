// Turns a growing list of ids into a growing text: every piece is whole UTF-8, and the pieces joined are decode(all ids).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/token_id.h"

namespace hearth::engine {

class Tokenizer;

// One per reply; owned by it; used by one thread at a time. Amortised cost per token does not grow with the reply.
class StreamDecoder {
 public:
  explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special_tokens = true);

  // The text that id completes; often one token's, empty while a character is incomplete.
  std::string push(TokenId id);

  // What was held back, with U+FFFD for bytes that never became a character. Call once, at the end.
  std::string finish();

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  bool skip_special_tokens_;
  std::vector<TokenId> pending_;     // ids since the last safe cut, with a little context before them
  std::size_t num_context_ = 0;      // leading ids of pending_ whose text was already emitted
};

}  // namespace hearth::engine

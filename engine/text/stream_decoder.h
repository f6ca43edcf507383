// Turns a growing list of ids into a growing text: every piece is whole UTF-8, and the pieces
// joined are decode(all ids).
#pragma once

#include <memory>
#include <string>

#include "engine/base/token_id.h"

namespace hearth::engine {

class DecodeStream;
class Tokenizer;

// One per reply; owned by it; used by one thread at a time. The cost of a token does not grow with
// the reply. A character is held back until it is whole, at most three bytes of it (16 tokens with
// a tokenizer that only decodes windows), so what has been pushed may differ from decode(all ids)
// only where later byte tokens make earlier ones invalid.
class StreamDecoder {
 public:
  explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer,
                         bool skip_special_tokens = true);
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;
  ~StreamDecoder();

  // The text that id completes; often one token's, empty while a character is incomplete.
  std::string push(TokenId id);

  // What was held back, with U+FFFD for bytes that never became a character. Call once, at the end.
  std::string finish();

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<DecodeStream> stream_;
};

}  // namespace hearth::engine

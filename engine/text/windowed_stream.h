// A DecodeStream for tokenizers that can only decode lists.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/text/tokenizer.h"

namespace hearth::engine {

// Decodes the ids since the last cut together with those just before it, and shows the growth
// unless it ends in U+FFFD (models §7.8; the reference's DecodeStream). After kHeldMax ids it shows
// the growth anyway. Used by one thread at a time.
class WindowedStream final : public DecodeStream {
 public:
  static constexpr std::size_t kHeldMax = 16;

  WindowedStream(const Tokenizer& tokenizer, bool skip_special_tokens)
      : tokenizer_(tokenizer), skip_special_tokens_(skip_special_tokens) {}

  void push(TokenId id, std::string& out) override;
  void finish(std::string& out) override;

 private:
  void show(const std::string& text, std::string& out);

  const Tokenizer& tokenizer_;
  bool skip_special_tokens_;
  std::vector<TokenId> window_;  // ids shown at the last cut, then ids held back
  std::size_t num_context_ = 0;  // how many of them were shown
  std::string context_text_;     // decode of those
};

}  // namespace hearth::engine

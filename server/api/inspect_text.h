// A token as people read it.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "engine/base/token_id.h"
#include "engine/text/tokenizer.h"

namespace hearth::server {

struct TokenText {
  std::string text;       // valid UTF-8, as it stands inside a text (with its leading space)
  std::string hex;        // its bytes, when they are not whole characters; else ""
  std::size_t bytes = 0;  // how many it has
  bool is_special = false;
};

TokenText token_text(const engine::Tokenizer& tokenizer, TokenId id);

// One answer shows the same tokens again and again.
class TokenTexts {
 public:
  explicit TokenTexts(const engine::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  const TokenText& operator[](TokenId id);

 private:
  const engine::Tokenizer& tokenizer_;
  std::unordered_map<TokenId, TokenText> known_;
};

}  // namespace hearth::server

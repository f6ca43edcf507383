// The "model" of a tokenizer: one word → ids. The seam behind which byte-pair encoding, and later
// Unigram and WordPiece, live.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/token_id.h"

namespace hearth::engine {

// forbidden[id] is true for ids that must not come out; shorter than the vocabulary means false.
using ForbiddenIds = std::vector<bool>;

// Immutable: any number of threads may encode at once.
class TokenModel {
 public:
  virtual ~TokenModel() = default;

  // Appends the ids of one word. O(n log n) in its bytes. With forbidden, the word is cut
  // differently instead of yielding one of those ids (the unknown token excepted).
  virtual void encode(std::string_view word, const ForbiddenIds* forbidden,
                      std::vector<TokenId>& ids) const = 0;

  // As the vocabulary spells it ("Ġhello").
  virtual std::optional<std::string_view> id_to_token(TokenId id) const = 0;
  virtual std::optional<TokenId> token_to_id(std::string_view token) const = 0;

  virtual std::size_t size() const = 0;    // entries
  virtual std::size_t id_end() const = 0;  // one past the largest id
};

}  // namespace hearth::engine

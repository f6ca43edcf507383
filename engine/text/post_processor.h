// The "post_processor" of tokenizer.json: which special tokens go around the ids of one text, or of
// a pair (models §6.2).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/token_id.h"

namespace hearth::engine {

struct PostProcessor {
  std::vector<TokenId> before;
  std::vector<TokenId> after;

  // A part of a pair: one of the two texts, or special tokens.
  struct PairPart {
    enum class Kind : std::uint8_t { first, second, special };
    Kind kind = Kind::special;
    std::int32_t type = 0;  // token type of everything in it
    std::vector<TokenId> ids = {};
  };
  std::vector<PairPart> pair = {};  // empty: the two texts one after the other

  // Errors: tokenizer_invalid, tokenizer_unsupported (a template that does not hold the sequence
  // exactly once).
  static Result<PostProcessor> from_json(const nlohmann::json& component);

  // [cls] A [sep] B [sep], the second text and its end of type 1.
  static PostProcessor cls_and_sep(TokenId cls, TokenId sep);
};

}  // namespace hearth::engine

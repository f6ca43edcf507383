// The "post_processor" of tokenizer.json, for one sequence: which special tokens go around the ids
// (models §6.2).
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/token_id.h"

namespace hearth::engine {

struct PostProcessor {
  std::vector<TokenId> before;
  std::vector<TokenId> after;

  // Errors: tokenizer_invalid, tokenizer_unsupported (a template that does not hold the sequence
  // exactly once).
  static Result<PostProcessor> from_json(const nlohmann::json& component);
};

}  // namespace hearth::engine

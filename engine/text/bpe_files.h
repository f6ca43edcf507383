// Reads byte-pair encodings: the "model" of tokenizer.json, and vocab.json with merges.txt.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/text/bpe.h"
#include "engine/text/vocabulary.h"

namespace hearth::engine {

// {token: id}. Errors: tokenizer_invalid.
Result<Vocabulary> read_vocabulary(const nlohmann::json& object, const std::string& where);

// {"type": "BPE", "vocab": {token: id}, "merges": ["a b" or ["a", "b"]], …}.
// Errors: tokenizer_invalid, tokenizer_unsupported (another type, dropout, a subword prefix or
// suffix).
Result<Bpe> bpe_from_json(const nlohmann::json& component, bool byte_level);

// vocab.json's text, and merges.txt's: an optional "#version" line, then "a b" per line in rank
// order. Errors: tokenizer_invalid.
Result<Bpe> bpe_from_files(std::string_view vocab_json, std::string_view merges_txt,
                           BpeOptions options);

}  // namespace hearth::engine

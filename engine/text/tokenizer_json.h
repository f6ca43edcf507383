// Reads tokenizer.json.
#pragma once

#include <memory>
#include <string_view>

#include "engine/base/error.h"
#include "engine/text/tokenizer.h"
#include "engine/text/tokenizer_config.h"

namespace hearth::engine {

// Errors: tokenizer_invalid, tokenizer_unsupported, naming the component.
Result<std::shared_ptr<const Tokenizer>> tokenizer_from_json(std::string_view tokenizer_json,
                                                             const TokenizerConfig& config);

// vocab.json and merges.txt: byte-level BPE with Qwen2's pattern and NFC for class Qwen2Tokenizer,
// GPT-2's pattern for others (models §6.4). Added tokens come from config alone. Errors:
// tokenizer_invalid.
Result<std::shared_ptr<const Tokenizer>> tokenizer_from_vocab(std::string_view vocab_json,
                                                              std::string_view merges_txt,
                                                              const TokenizerConfig& config);

}  // namespace hearth::engine

// Tokenizers of folders without tokenizer.json: SentencePiece models with the rules that each
// family's Python puts around them, and WordPiece vocabularies (models §6.4 to §6.6).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/text/model_family.h"
#include "engine/text/tokenizer.h"
#include "engine/text/tokenizer_config.h"

namespace hearth::engine {

// tokenizer.model or ice_text.model. `where` names it in errors. Errors: tokenizer_invalid,
// tokenizer_unsupported.
Result<std::shared_ptr<const Tokenizer>> tokenizer_from_sentencepiece(std::string_view bytes,
                                                                      const std::string& where,
                                                                      const TokenizerConfig& config,
                                                                      TextFamily family);

// vocab.txt, with BERT's normalizer and templates. Errors: tokenizer_invalid.
Result<std::shared_ptr<const Tokenizer>> tokenizer_from_word_pieces(std::string_view vocab_txt,
                                                                    const TokenizerConfig& config);

}  // namespace hearth::engine

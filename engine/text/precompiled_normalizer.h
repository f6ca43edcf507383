// tokenizer.json's "Precompiled" normalizer: SentencePiece's character map as the tokenizers
// library applies it (T5, XLM-R). Unlike SentencePiece itself it looks at one grapheme at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/text/normalizer.h"

namespace hearth::engine {

// base64: "precompiled_charsmap". Errors: tokenizer_invalid.
Result<std::shared_ptr<const NormalizerStep>> precompiled_step(std::string_view base64,
                                                               const std::string& where);

}  // namespace hearth::engine

// What a tokenizer.model says (models §6.5; sentencepiece_model.proto).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"

namespace hearth::engine {

enum class PieceType : std::uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,       // never in text: <s>
  user_defined = 4,  // always one piece, wherever it is in a text
  unused = 5,
  byte = 6,  // "<0x0A>"
};

struct SentencePiece {
  std::string text;
  float score = 0.0F;
  PieceType type = PieceType::normal;
};

enum class SentencePieceKind : std::uint8_t { unigram = 1, bpe = 2 };

// The index of a piece is its id.
struct SentencePieceProto {
  std::vector<SentencePiece> pieces;
  SentencePieceKind kind = SentencePieceKind::unigram;
  bool byte_fallback = false;
  std::string unknown_surface = " \xE2\x81\x87 ";  // what an unknown piece decodes to
  // The normalizer.
  std::string charsmap;  // precompiled, or empty: text stays as it is
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

// Errors: tokenizer_invalid (no such file, or an inconsistent one), tokenizer_unsupported (word and
// char models, white space as a suffix).
Result<SentencePieceProto> parse_sentencepiece(std::string_view bytes, const std::string& where);

}  // namespace hearth::engine

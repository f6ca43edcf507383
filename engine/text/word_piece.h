// WordPiece: the longest pieces from the left (models §6.2; BERT's tokenizer).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/text/token_model.h"
#include "engine/text/vocabulary.h"

namespace hearth::engine {

struct WordPieceOptions {
  std::string unk_token = "[UNK]";
  std::string prefix = "##";    // of pieces that do not begin a word
  std::size_t chars_max = 100;  // a longer word is unknown
};

class WordPiece final : public TokenModel {
 public:
  // Errors: tokenizer_invalid (no unk_token).
  static Result<WordPiece> make(Vocabulary vocabulary, WordPieceOptions options);

  // The unknown token for a word of which any part is unknown.
  void encode(std::string_view word, const ForbiddenIds* forbidden,
              std::vector<TokenId>& ids) const override;
  std::optional<std::string_view> id_to_token(TokenId id) const override {
    return vocabulary_.token(id);
  }
  std::optional<TokenId> token_to_id(std::string_view token) const override {
    return vocabulary_.find(token);
  }
  std::size_t size() const override { return vocabulary_.size(); }
  std::size_t id_end() const override { return vocabulary_.id_end(); }

 private:
  WordPiece() = default;

  Vocabulary vocabulary_;
  WordPieceOptions options_;
  TokenId unk_id_ = -1;
  std::size_t piece_bytes_max_ = 0;
};

// {"type": "WordPiece", "vocab": {piece: id}, …}. Errors: tokenizer_invalid.
Result<WordPiece> word_piece_from_json(const nlohmann::json& component);

// vocab.txt: a piece a line, its number the id. Errors: tokenizer_invalid.
Result<WordPiece> word_piece_from_lines(std::string_view vocab_txt, WordPieceOptions options);

}  // namespace hearth::engine

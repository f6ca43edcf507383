// The unigram language model: of all ways to cut a word into pieces, the likeliest ("Subword
// Regularization", Kudo 2018; models §6.2, §6.5).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/text/token_model.h"
#include "engine/text/token_trie.h"
#include "engine/text/vocabulary.h"

namespace hearth::engine {

struct UnigramPiece {
  std::string text;
  double score = 0.0;
  bool is_in_text = true;        // false: never found in a text (control, byte and unknown pieces)
  bool is_user_defined = false;  // always one piece
};

struct UnigramOptions {
  TokenId unk_id = -1;            // −1: unknown characters vanish
  double unk_score = 0.0;         // of an unknown character
  double max_score = 0.0;         // for user-defined pieces
  bool fuse_unk = true;           // neighbouring unknown characters are one unknown token
  bool byte_fallback = false;     // an unknown character becomes one "<0xXX>" per byte
  bool single_precision = false;  // sums are floats, as sentencepiece keeps them
};

class Unigram final : public TokenModel {
 public:
  // The index of a piece is its id. Errors: tokenizer_invalid (a piece twice, too many).
  static Result<Unigram> make(const std::vector<UnigramPiece>& pieces, UnigramOptions options);

  // O(bytes · longest piece).
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
  struct Cut {  // the best way to reach a place
    double score = 0.0;
    std::uint32_t begin = UINT32_MAX;  // of the last piece; UINT32_MAX: not reached
    TokenId id = -1;
  };

  Unigram() = default;
  std::vector<Cut> best_cuts(std::string_view word, const ForbiddenIds* forbidden) const;
  void append_unknown(std::string_view text, std::vector<TokenId>& ids) const;

  Vocabulary vocabulary_;
  TokenTrie trie_;
  std::vector<double> scores_;
  std::vector<bool> is_user_defined_;
  std::array<TokenId, 256> of_byte_{};
  UnigramOptions options_;
};

// {"type": "Unigram", "vocab": [[piece, score], …], "unk_id": 0}. Errors: tokenizer_invalid.
Result<Unigram> unigram_from_json(const nlohmann::json& component);

}  // namespace hearth::engine

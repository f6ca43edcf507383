// Byte-pair encoding as sentencepiece does it: pieces have scores instead of merges in an order
// (models §6.5; sentencepiece's bpe_model.cc).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/text/sentencepiece_proto.h"
#include "engine/text/token_model.h"
#include "engine/text/token_trie.h"
#include "engine/text/vocabulary.h"

namespace hearth::engine {

class SentencePieceBpe final : public TokenModel {
 public:
  // Errors: tokenizer_invalid (a piece twice).
  static Result<SentencePieceBpe> make(const SentencePieceProto& proto);

  // Joins the two neighbours whose join has the highest score, the leftmost of equals, until no
  // join is a piece.
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
  class Joining;

  SentencePieceBpe() = default;
  bool is_joinable(TokenId id) const;
  void append_unknown(std::string_view text, std::vector<TokenId>& ids) const;

  Vocabulary vocabulary_;
  TokenTrie user_defined_;
  std::vector<float> scores_;
  std::vector<PieceType> types_;
  std::array<TokenId, 256> of_byte_{};
  TokenId unk_id_ = -1;
  bool byte_fallback_ = false;
};

}  // namespace hearth::engine

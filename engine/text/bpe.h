// Byte-pair encoding as the tokenizers library does it (models §6.2).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/text/merge_table.h"
#include "engine/text/token_model.h"
#include "engine/text/vocabulary.h"

namespace hearth::engine {

struct BpeOptions {
  std::optional<std::string> unk_token;
  bool fuse_unk = false;  // neighbouring unknown characters are one unknown token
  bool byte_fallback =
      false;  // an unknown character becomes one "<0xXX>" per byte, if all of them exist
  bool ignore_merges =
      false;  // a word that is in the vocabulary is that token, whatever the merges say
  bool byte_level = false;  // words are bytes, the vocabulary is written in the byte alphabet
};

class Bpe final : public TokenModel {
 public:
  using MergeNames = std::pair<std::string_view, std::string_view>;

  // Merges in rank order. Errors: tokenizer_invalid (a merge of, or into, a token that is not in
  // the vocabulary; no unk_token).
  static Result<Bpe> make(Vocabulary vocabulary, const std::vector<MergeNames>& merges,
                          BpeOptions options);

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
  // What one character, or one byte of a byte-level word, starts as.
  struct Start {
    enum class Kind : std::uint8_t { known, bytes, unknown, nothing };
    Kind kind = Kind::nothing;
    TokenId id = -1;               // known
    std::vector<TokenId> bytes{};  // bytes
  };

  Bpe() = default;
  Start start_of(std::string_view character) const;
  void encode_part(std::string_view word, const ForbiddenIds* forbidden,
                   std::vector<TokenId>& ids) const;
  void start_symbols(std::string_view word, std::vector<TokenId>& symbols) const;
  void index_raw_tokens();

  Vocabulary vocabulary_;
  Vocabulary raw_;  // byte level with ignore_merges: the same tokens as bytes
  MergeTable merges_;
  BpeOptions options_;
  TokenId unk_id_ = -1;
  std::array<Start, 256> of_byte_{};  // byte level; else of ASCII characters
  std::uint32_t serial_ = 0;          // tells the per-thread caches whose words they hold
};

}  // namespace hearth::engine

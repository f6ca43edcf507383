// SentencePiece's normalizer as a rewriting rule: character map, white space, the space in front
// (models §6.5; sentencepiece's normalizer.cc).
#pragma once

#include <memory>
#include <string_view>

#include "engine/text/charsmap.h"
#include "engine/text/normalizer.h"
#include "engine/text/sentencepiece_proto.h"
#include "engine/text/token_trie.h"

namespace hearth::engine {

class SentencePieceNormalizer final : public NormalizerStep {
 public:
  // user_defined: pieces that pass unchanged.
  SentencePieceNormalizer(const SentencePieceProto& proto, Charsmap charsmap,
                          TokenTrie user_defined, bool add_dummy_prefix);

  bool changes(std::string_view text) const override { return !text.empty(); }
  void run(std::string_view text, Rewrite& out) const override;

 private:
  struct Unit {
    std::size_t bytes = 0;    // of the text
    std::string_view normal;  // what they become
  };
  Unit unit_at(std::string_view text, std::size_t at) const;
  void put_unit(std::string_view normal, std::size_t begin, std::size_t end, Rewrite& out) const;

  Charsmap charsmap_;
  TokenTrie user_defined_;
  bool add_dummy_prefix_;
  bool remove_extra_whitespaces_;
  std::string_view space_;  // "▁", or a space when white space is not escaped
};

}  // namespace hearth::engine

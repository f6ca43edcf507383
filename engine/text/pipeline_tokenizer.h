// A tokenizer as tokenizer.json describes one: added tokens, normalizer, pre-tokenizer, model,
// post-processor, decoder.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/added_tokens.h"
#include "engine/text/decoder.h"
#include "engine/text/normalizer.h"
#include "engine/text/origin_map.h"
#include "engine/text/post_processor.h"
#include "engine/text/pre_tokenizer.h"
#include "engine/text/token_model.h"
#include "engine/text/tokenizer.h"

namespace hearth::engine {

struct TokenizerParts {
  AddedTokens added;  // finished
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::unique_ptr<const TokenModel> model;
  PostProcessor post_processor;
  Decoder decoder;
  std::vector<Tokenizer::NamedToken> named;
  // ChatGLM: special tokens are found in what a template wrote and nowhere else.
  bool has_plain_texts = false;
};

// Immutable after construction: any number of threads may encode and decode at once.
class PipelineTokenizer final : public Tokenizer {
 public:
  explicit PipelineTokenizer(TokenizerParts parts);

  Result<std::vector<TokenId>> encode(std::string_view utf8, EncodeOptions options) const override;
  Result<std::vector<TokenId>> encode(const MarkedText& text, EncodeOptions options) const override;
  Result<PairEncoding> encode_pair(std::string_view first,
                                   std::optional<std::string_view> second) const override;
  std::string decode(std::span<const TokenId> ids, bool skip_special_tokens) const override;
  std::unique_ptr<DecodeStream> open_stream(bool skip_special_tokens) const override;
  std::optional<std::string> id_to_token(TokenId id) const override;
  std::optional<TokenId> token_to_id(std::string_view token) const override;
  bool is_special(TokenId id) const override { return parts_.added.is_special(id); }
  std::size_t vocab_size() const override;
  const std::vector<NamedToken>& named_special_tokens() const override { return parts_.named; }

 private:
  class Encoding;
  class Stream;

  // The string that goes into the decoder, or nullopt for an id that does not exist or is left out.
  std::optional<std::string_view> decoded_token(TokenId id, bool skip_special_tokens) const;

  TokenizerParts parts_;
  ForbiddenIds special_ids_;
};

}  // namespace hearth::engine

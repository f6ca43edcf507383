#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/text/bert_normalizer.h"
#include "engine/text/slow_tokenizers.h"
#include "engine/text/tokenizer_assembly.h"
#include "engine/text/word_piece.h"

namespace hearth::engine {
namespace {

constexpr const char* kPreTokenizer = R"({"type": "BertPreTokenizer"})";
constexpr const char* kDecoder = R"({"type": "WordPiece", "prefix": "##", "cleanup": true})";

std::string named_or(const TokenizerConfig& config, std::string_view name,
                     std::string_view fallback) {
  return std::string(config.find_named(name).value_or(fallback));
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> tokenizer_from_word_pieces(std::string_view vocab_txt,
                                                                    const TokenizerConfig& config) {
  WordPieceOptions options;
  options.unk_token = named_or(config, "unk_token", "[UNK]");
  auto model = word_piece_from_lines(vocab_txt, std::move(options));
  if (!model) return tl::unexpected<Error>(std::move(model.error()));
  auto pre_tokenizer = PreTokenizer::from_json(nlohmann::json::parse(kPreTokenizer));
  auto decoder = Decoder::from_json(nlohmann::json::parse(kDecoder));
  if (!pre_tokenizer) return tl::unexpected<Error>(std::move(pre_tokenizer.error()));
  if (!decoder) return tl::unexpected<Error>(std::move(decoder.error()));

  TokenizerParts parts;
  parts.normalizer =
      Normalizer(bert_normalizer_steps({.clean_text = true,
                                        .handle_chinese_chars = config.tokenize_chinese_chars,
                                        .strip_accents = config.strip_accents,
                                        .lowercase = config.do_lower_case}));
  parts.pre_tokenizer = std::move(*pre_tokenizer);
  parts.decoder = std::move(*decoder);
  const auto cls = model->token_to_id(named_or(config, "cls_token", "[CLS]"));
  const auto sep = model->token_to_id(named_or(config, "sep_token", "[SEP]"));
  parts.model = std::make_unique<WordPiece>(std::move(*model));
  if (!cls || !sep) {
    return fail(ErrorCode::tokenizer_invalid, "vocab.txt lacks the cls_token or the sep_token.");
  }
  parts.post_processor = PostProcessor::cls_and_sep(*cls, *sep);
  if (auto done = add_configured_tokens(config, true, parts); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  parts.named = config.named;
  return std::make_shared<PipelineTokenizer>(std::move(parts));
}

}  // namespace hearth::engine

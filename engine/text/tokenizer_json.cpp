#include "engine/text/tokenizer_json.h"

#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/text/bpe_files.h"
#include "engine/text/json_fields.h"
#include "engine/text/pipeline_tokenizer.h"
#include "engine/text/tokenizer_assembly.h"
#include "engine/text/unigram.h"
#include "engine/text/word_piece.h"

namespace hearth::engine {
namespace {

using TokenizerPtr = std::shared_ptr<const Tokenizer>;

constexpr std::string_view kQwen2Parts = R"json({
  "normalizer": {"type": "NFC"},
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "behavior": "Isolated", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}
})json";
constexpr std::string_view kGpt2Parts = R"json({
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}
})json";

tl::unexpected<Error> pass_on(Error& error) { return tl::unexpected<Error>(std::move(error)); }

// The component under key, or null.
const nlohmann::json& component(const nlohmann::json& json, const char* key) {
  static const nlohmann::json none;
  const auto found = json.find(key);
  return found == json.end() ? none : *found;
}

Result<void> read_text_parts(const nlohmann::json& json, TokenizerParts& parts) {
  Result<Normalizer> normalizer = Normalizer::from_json(component(json, "normalizer"));
  if (!normalizer) return pass_on(normalizer.error());
  parts.normalizer = std::move(*normalizer);
  Result<PreTokenizer> pre_tokenizer = PreTokenizer::from_json(component(json, "pre_tokenizer"));
  if (!pre_tokenizer) return pass_on(pre_tokenizer.error());
  parts.pre_tokenizer = std::move(*pre_tokenizer);
  return {};
}

// The "model" of any kind.
Result<std::unique_ptr<const TokenModel>> read_model(const nlohmann::json& component,
                                                     bool byte_level) {
  const std::string type = component.is_object() ? component.value("type", std::string()) : "";
  if (type == "Unigram") {
    auto model = unigram_from_json(component);
    if (!model) return pass_on(model.error());
    return std::make_unique<const Unigram>(std::move(*model));
  }
  if (type == "WordPiece") {
    auto model = word_piece_from_json(component);
    if (!model) return pass_on(model.error());
    return std::make_unique<const WordPiece>(std::move(*model));
  }
  auto model = bpe_from_json(component, byte_level);
  if (!model) return pass_on(model.error());
  return std::make_unique<const Bpe>(std::move(*model));
}

}  // namespace

Result<TokenizerPtr> tokenizer_from_json(std::string_view tokenizer_json,
                                         const TokenizerConfig& config) {
  const Result<nlohmann::json> json = parse_json(tokenizer_json, "tokenizer.json");
  if (!json) return tl::unexpected<Error>(json.error());
  JsonFields fields(*json, "tokenizer.json");
  const nlohmann::json& added_tokens = fields.array("added_tokens");
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  TokenizerParts parts;
  if (auto done = read_text_parts(*json, parts); !done) return pass_on(done.error());
  auto model = read_model(component(*json, "model"), parts.pre_tokenizer.is_byte_level());
  if (!model) return pass_on(model.error());
  parts.model = std::move(*model);
  Result<PostProcessor> post_processor =
      PostProcessor::from_json(component(*json, "post_processor"));
  if (!post_processor) return pass_on(post_processor.error());
  parts.post_processor = std::move(*post_processor);
  Result<Decoder> decoder = Decoder::from_json(component(*json, "decoder"));
  if (!decoder) return pass_on(decoder.error());
  parts.decoder = std::move(*decoder);
  for (const nlohmann::json& object : added_tokens) {
    Result<AddedToken> token = added_token_from_json(object, "tokenizer.json: added_tokens");
    if (!token) return pass_on(token.error());
    if (auto done = add_token(parts, *token, std::nullopt); !done) return pass_on(done.error());
  }
  if (auto done = add_configured_tokens(config, false, parts); !done) return pass_on(done.error());
  if (config.replaces_post_processor) apply_bos_and_eos(config, parts);
  parts.named = config.named;
  return std::make_shared<PipelineTokenizer>(std::move(parts));
}

Result<TokenizerPtr> tokenizer_from_vocab(std::string_view vocab_json, std::string_view merges_txt,
                                          const TokenizerConfig& config) {
  const bool is_qwen2 = config.tokenizer_class.starts_with("Qwen2Tokenizer");
  TokenizerParts parts;
  const auto json = nlohmann::json::parse(is_qwen2 ? kQwen2Parts : kGpt2Parts);
  if (auto done = read_text_parts(json, parts); !done) return pass_on(done.error());
  BpeOptions options;
  options.byte_level = true;
  Result<Bpe> model = bpe_from_files(vocab_json, merges_txt, std::move(options));
  if (!model) return pass_on(model.error());
  parts.model = std::make_unique<Bpe>(std::move(*model));
  parts.decoder = Decoder::byte_level();
  if (auto done = add_configured_tokens(config, true, parts); !done) return pass_on(done.error());
  parts.named = config.named;
  return std::make_shared<PipelineTokenizer>(std::move(parts));
}

}  // namespace hearth::engine

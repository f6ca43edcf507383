#include "engine/text/tokenizer_json.h"

#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/text/bpe_files.h"
#include "engine/text/json_fields.h"
#include "engine/text/pipeline_tokenizer.h"

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

Result<void> add(TokenizerParts& parts, const AddedToken& token, std::optional<TokenId> id) {
  if (parts.added.add(token, *parts.model, parts.normalizer, id)) return {};
  return fail(ErrorCode::tokenizer_invalid,
              "There is no id left for the added token \"" + token.content + "\".");
}

// What the configuration adds to the tokens that tokenizer.json lists. With given ids, as slow
// tokenizers do it.
Result<void> add_configured(const TokenizerConfig& config, bool with_ids, TokenizerParts& parts) {
  for (const auto& [id, token] : config.added_tokens) {
    if (parts.added.contains(token.content)) continue;
    const std::optional<TokenId> wanted = with_ids ? std::optional<TokenId>(id) : std::nullopt;
    if (auto done = add(parts, token, wanted); !done) return done;
  }
  for (const AddedToken& token : config.listed) {
    if (parts.added.contains(token.content)) continue;
    if (auto done = add(parts, token, std::nullopt); !done) return done;
  }
  parts.added.finish();
  return {};
}

// Llama classes: [bos] text [eos], whatever tokenizer.json says.
void apply_bos_and_eos(const TokenizerConfig& config, TokenizerParts& parts) {
  const auto ids_of = [&](bool wanted, std::string_view name) -> std::vector<TokenId> {
    const auto text = wanted ? config.find_named(name) : std::nullopt;
    if (!text) return {};
    auto id = parts.added.find(*text);
    if (!id) id = parts.model->token_to_id(*text);
    return id ? std::vector<TokenId>{*id} : std::vector<TokenId>{};
  };
  parts.post_processor = {ids_of(config.add_bos_token, "bos_token"),
                          ids_of(config.add_eos_token, "eos_token")};
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
  Result<Bpe> model = bpe_from_json(component(*json, "model"), parts.pre_tokenizer.is_byte_level());
  if (!model) return pass_on(model.error());
  parts.model = std::make_unique<Bpe>(std::move(*model));
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
    if (auto done = add(parts, *token, std::nullopt); !done) return pass_on(done.error());
  }
  if (auto done = add_configured(config, false, parts); !done) return pass_on(done.error());
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
  if (auto done = add_configured(config, true, parts); !done) return pass_on(done.error());
  parts.named = config.named;
  return std::make_shared<PipelineTokenizer>(std::move(parts));
}

}  // namespace hearth::engine

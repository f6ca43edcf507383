#include "engine/text/tokenizer_assembly.h"

#include <string_view>
#include <vector>

#include "engine/text/regex.h"

namespace hearth::engine {

Result<void> add_token(TokenizerParts& parts, const AddedToken& token, std::optional<TokenId> id) {
  try {
    if (parts.added.add(token, *parts.model, parts.normalizer, id)) return {};
  } catch (const Regex::LimitReached&) {
    return fail(
        ErrorCode::tokenizer_invalid,
        "The normalizer's pattern is too much for the added token \"" + token.content + "\".");
  }
  return fail(ErrorCode::tokenizer_invalid,
              "There is no id left for the added token \"" + token.content + "\".");
}

Result<void> add_configured_tokens(const TokenizerConfig& config, bool with_ids,
                                   TokenizerParts& parts) {
  for (const auto& [id, token] : config.added_tokens) {
    if (parts.added.contains(token.content)) continue;
    const std::optional<TokenId> wanted = with_ids ? std::optional<TokenId>(id) : std::nullopt;
    if (auto done = add_token(parts, token, wanted); !done) return done;
  }
  for (const AddedToken& token : config.listed) {
    if (parts.added.contains(token.content)) continue;
    if (auto done = add_token(parts, token, std::nullopt); !done) return done;
  }
  parts.added.finish();
  return {};
}

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

}  // namespace hearth::engine

#include "engine/text/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "engine/text/json_fields.h"
#include "engine/text/vocabulary.h"

namespace hearth::engine {
namespace {

constexpr std::array<std::string_view, 7> kNames = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
constexpr std::array<std::string_view, 6> kLlamaClasses = {
    "LlamaTokenizer",         "LlamaTokenizerFast", "CodeLlamaTokenizer",
    "CodeLlamaTokenizerFast", "GemmaTokenizer",     "GemmaTokenizerFast"};

Result<nlohmann::json> load_optional(const std::filesystem::path& file) {
  Result<nlohmann::json> json = load_json(file);
  if (!json && json.error().code == ErrorCode::file_missing) return nlohmann::json::object();
  if (json && !json->is_object()) {
    return fail(ErrorCode::tokenizer_invalid, file.filename().string() + " is not an object.");
  }
  return json;
}

// A special token is written as its text or as an AddedToken object.
Result<AddedToken> read_token(const nlohmann::json& value, const std::string& where) {
  if (value.is_object()) {
    nlohmann::json object = value;
    object["special"] = true;
    return added_token_from_json(object, where);
  }
  if (!value.is_string()) return fail(ErrorCode::tokenizer_invalid, where + " must be a token.");
  AddedToken token;
  token.content = value.get<std::string>();
  token.special = true;
  token.normalized = false;
  return token;
}

bool is_listed(const TokenizerConfig& config, const std::string& content) {
  return std::any_of(config.listed.begin(), config.listed.end(),
                     [&](const AddedToken& token) { return token.content == content; });
}

Result<void> list_token(TokenizerConfig& config, const nlohmann::json& value,
                        const std::string& where) {
  Result<AddedToken> token = read_token(value, where);
  if (!token) return tl::unexpected<Error>(std::move(token.error()));
  if (!is_listed(config, token->content)) config.listed.push_back(std::move(*token));
  return {};
}

// The named tokens of one file that an earlier file has not named.
Result<void> read_named(const nlohmann::json& json, const std::string& file,
                        TokenizerConfig& config) {
  for (const std::string_view name : kNames) {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null() || config.find_named(name)) continue;
    const std::string where = file + ": " + std::string(name);
    Result<AddedToken> token = read_token(*found, where);
    if (!token) return tl::unexpected<Error>(std::move(token.error()));
    config.named.push_back({std::string(name), token->content});
    if (auto done = list_token(config, *found, where); !done) return done;
  }
  const auto more = json.find("additional_special_tokens");
  if (more == json.end() || !more->is_array()) return {};
  for (const nlohmann::json& value : *more) {
    if (auto done = list_token(config, value, file + ": additional_special_tokens"); !done) {
      return done;
    }
  }
  return {};
}

std::optional<TokenId> id_from_key(const std::string& key) {
  TokenId id = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc() || end != key.data() + key.size()) return std::nullopt;
  return id >= 0 && id < kTokenIdEnd ? std::optional<TokenId>(id) : std::nullopt;
}

// {"151643": {"content": …}}
Result<void> read_added_tokens(const nlohmann::json& by_id, TokenizerConfig& config) {
  const std::string where = "tokenizer_config.json: added_tokens_decoder";
  for (const auto& [key, value] : by_id.items()) {
    const auto id = id_from_key(key);
    if (!id) return fail(ErrorCode::tokenizer_invalid, where + ": \"" + key + "\" is not an id.");
    Result<AddedToken> token = added_token_from_json(value, where);
    if (!token) return tl::unexpected<Error>(std::move(token.error()));
    token->special = token->special || is_listed(config, token->content);
    config.added_tokens.emplace_back(*id, std::move(*token));
  }
  return {};
}

// {"<|im_start|>": 151644}: the older form.
Result<void> read_old_added_tokens(const nlohmann::json& by_text, TokenizerConfig& config) {
  for (const auto& [content, value] : by_text.items()) {
    const bool fits = value.is_number_unsigned() &&
                      value.get<std::uint64_t>() < static_cast<std::uint64_t>(kTokenIdEnd);
    if (!fits) {
      return fail(ErrorCode::tokenizer_invalid,
                  "added_tokens.json: the id of \"" + content + "\" is out of range.");
    }
    Result<AddedToken> token = added_token_from_json(
        {{"content", content}, {"special", is_listed(config, content)}}, "added_tokens.json");
    if (!token) return tl::unexpected<Error>(std::move(token.error()));
    config.added_tokens.emplace_back(static_cast<TokenId>(value.get<std::uint64_t>()),
                                     std::move(*token));
  }
  return {};
}

}  // namespace

std::optional<std::string_view> TokenizerConfig::find_named(std::string_view name) const {
  for (const Tokenizer::NamedToken& token : named) {
    if (token.name == name) return token.text;
  }
  return std::nullopt;
}

Result<TokenizerConfig> TokenizerConfig::load(const std::filesystem::path& folder) {
  TokenizerConfig config;
  const Result<nlohmann::json> main = load_optional(folder / "tokenizer_config.json");
  if (!main) return tl::unexpected<Error>(main.error());
  const Result<nlohmann::json> map = load_optional(folder / "special_tokens_map.json");
  if (!map) return tl::unexpected<Error>(map.error());
  if (auto done = read_named(*main, "tokenizer_config.json", config); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  if (auto done = read_named(*map, "special_tokens_map.json", config); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  JsonFields fields(*main, "tokenizer_config.json");
  config.tokenizer_class = fields.text("tokenizer_class");
  config.replaces_post_processor = std::find(kLlamaClasses.begin(), kLlamaClasses.end(),
                                             config.tokenizer_class) != kLlamaClasses.end();
  config.add_bos_token = fields.boolean("add_bos_token", config.replaces_post_processor);
  config.add_eos_token = fields.boolean("add_eos_token", false);
  config.legacy = fields.boolean("legacy", true);
  config.do_lower_case = fields.boolean("do_lower_case", true);
  if (fields.has("strip_accents")) config.strip_accents = fields.boolean("strip_accents", true);
  config.tokenize_chinese_chars = fields.boolean("tokenize_chinese_chars", true);
  Result<void> added;
  if (fields.has("added_tokens_decoder")) {
    added = read_added_tokens(fields.object("added_tokens_decoder"), config);
  } else {
    const Result<nlohmann::json> old = load_optional(folder / "added_tokens.json");
    if (!old) return tl::unexpected<Error>(old.error());
    added = read_old_added_tokens(*old, config);
  }
  if (!added) return tl::unexpected<Error>(std::move(added.error()));
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  std::sort(config.added_tokens.begin(), config.added_tokens.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return config;
}

}  // namespace hearth::engine

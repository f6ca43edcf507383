// What tokenizer_config.json, special_tokens_map.json and added_tokens.json say beside the
// tokenizer itself (models §6.1).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/token_id.h"
#include "engine/text/added_tokens.h"
#include "engine/text/tokenizer.h"

namespace hearth::engine {

struct TokenizerConfig {
  std::string tokenizer_class;
  std::vector<std::pair<TokenId, AddedToken>>
      added_tokens;                          // ascending by id; special if flagged or listed
  std::vector<Tokenizer::NamedToken> named;  // "bos_token" → "<s>", …
  std::vector<AddedToken>
      listed;  // every named and additional special token, in the reference's order
  bool add_bos_token = false;
  bool add_eos_token = false;
  bool legacy = true;  // Llama's slow class: every text between special tokens gets its own space
  bool do_lower_case = true;  // BERT's slow class, as are the next two
  std::optional<bool> strip_accents = std::nullopt;
  bool tokenize_chinese_chars = true;
  bool replaces_post_processor =
      false;  // a Llama class: add_bos_token and add_eos_token decide, not tokenizer.json

  // Files that are not there say nothing. Errors: tokenizer_invalid, io_error.
  static Result<TokenizerConfig> load(const std::filesystem::path& folder);

  std::optional<std::string_view> find_named(std::string_view name) const;
};

}  // namespace hearth::engine

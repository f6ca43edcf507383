// The reference's cases (tests/golden/tokenizers/NAME.json): what each key means, and one check per
// key. Made by tests/golden/generators/make_tokenizer_cases.py with the tokenizers library;
// versions stand in the files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/token_id.h"
#include "engine/text/tokenizer.h"

namespace hearth::engine::testing {

using TokenizerPtr = std::shared_ptr<const Tokenizer>;

// tests/golden/tokenizers/NAME.json.
const nlohmann::json& golden_cases(const std::string& name);

// tests/golden/models/NAME, or fails the test.
TokenizerPtr golden_tokenizer(const std::string& name);
TokenizerPtr load_tokenizer(const std::filesystem::path& folder);

// The case's text: "text", or "parts" repeated.
std::string text_of(const nlohmann::json& item);
// The ids under `key`, or under key_rle, or `otherwise` when neither is there.
std::vector<TokenId> ids_of(const nlohmann::json& item, const std::string& key,
                            const std::vector<TokenId>& otherwise = {});

void expect_encodes(const Tokenizer& tokenizer, const nlohmann::json& cases);
void expect_encodes_with_special_tokens(const Tokenizer& tokenizer, const nlohmann::json& cases);
void expect_splits_special_tokens(const Tokenizer& tokenizer, const nlohmann::json& cases);
void expect_decodes(const Tokenizer& tokenizer, const nlohmann::json& cases);
void expect_decodes_any_ids(const Tokenizer& tokenizer, const nlohmann::json& cases);
void expect_replaces_invalid_utf8(const Tokenizer& tokenizer, const nlohmann::json& cases);
void expect_streams(const TokenizerPtr& tokenizer, const nlohmann::json& cases);

}  // namespace hearth::engine::testing

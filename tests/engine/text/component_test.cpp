// Every component of tokenizer.json alone, against the tokenizers library
// (make_component_cases.mjs).
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/text/stream_decoder.h"
#include "engine/text/tokenizer_json.h"
#include "tests/engine/text/tokenizer_cases.h"

namespace hearth::engine::testing {
namespace {

struct Pipeline {
  std::string name;
  TokenizerPtr tokenizer;
  nlohmann::json cases;
};

std::vector<Pipeline> pipelines() {
  std::ifstream file(std::filesystem::path(HEARTH_GOLDEN).parent_path() /
                     "engine/text/component_cases.json");
  const auto all = nlohmann::json::parse(file);
  std::vector<Pipeline> result;
  for (const auto& item : all["pipelines"]) {
    nlohmann::json json = item["tokenizer"];
    json["model"]["vocab"] = all["vocabularies"][json["model"]["vocab"].get<std::string>()];
    auto tokenizer = tokenizer_from_json(json.dump(), {});
    EXPECT_TRUE(tokenizer.has_value())
        << item["name"] << ' ' << (tokenizer ? "" : tokenizer.error().detail);
    if (tokenizer) result.push_back({item["name"], *tokenizer, item["cases"]});
  }
  EXPECT_GT(result.size(), 50U);
  return result;
}

TEST(Components, EncodeAsTheReference) {
  for (const Pipeline& pipeline : pipelines()) {
    for (const auto& item : pipeline.cases) {
      const std::string text = item["text"];
      const std::vector<TokenId> ids = ids_of(item, "ids");
      EXPECT_EQ(pipeline.tokenizer->encode(text), ids) << pipeline.name << ": " << item["text"];
      EXPECT_EQ(pipeline.tokenizer->encode(text, {.add_special_tokens = true}),
                ids_of(item, "ids_special", ids))
          << pipeline.name << ": " << item["text"];
      // Origin marks, without which a template's text is encoded, change nothing with them.
      EXPECT_EQ(pipeline.tokenizer->encode(MarkedText(text, Origin::from_template)), ids);
    }
  }
}

TEST(Components, DecodeAndStreamAsTheReference) {
  for (const Pipeline& pipeline : pipelines()) {
    for (const auto& item : pipeline.cases) {
      const std::vector<TokenId> ids = ids_of(item, "ids");
      EXPECT_EQ(pipeline.tokenizer->decode(ids, false), item["decode"].get<std::string>())
          << pipeline.name << ": " << item["text"];
      StreamDecoder decoder(pipeline.tokenizer, false);
      std::string text;
      for (const TokenId id : ids) text += decoder.push(id);
      EXPECT_EQ(text + decoder.finish(), item["decode"].get<std::string>()) << pipeline.name;
    }
  }
}

}  // namespace
}  // namespace hearth::engine::testing

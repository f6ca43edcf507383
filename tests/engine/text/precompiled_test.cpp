// The "Precompiled" normalizer of T5's and XLM-R's tokenizer.json against the tokenizers library
// (tests/golden/precompiled.json, made by make_precompiled_cases.py).
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/text/json_fields.h"
#include "engine/text/normalizer.h"
#include "engine/text/sentencepiece_proto.h"
#include "engine/text/tokenizer_json.h"
#include "tests/engine/text/tokenizer_cases.h"

namespace hearth::engine::testing {
namespace {

using nlohmann::json;

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const bool is_there = at + i < bytes.size();
      bits = bits << 8 | (is_there ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const bool is_there = at + i <= bytes.size();
      text += is_there ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
  return text;
}

SentencePieceProto proto() {
  const auto bytes = read_file(std::filesystem::path(HEARTH_GOLDEN) / "models" / "chatglm1-tiny" /
                               "ice_text.model");
  EXPECT_TRUE(bytes);
  return *parse_sentencepiece(*bytes, "ice_text.model");
}

json precompiled(const std::string& charsmap) {
  return {{"type", "Precompiled"}, {"precompiled_charsmap", charsmap}};
}

json cases() {
  std::ifstream file(std::filesystem::path(HEARTH_GOLDEN) / "precompiled.json");
  return json::parse(file)["cases"];
}

json tokenizer_of(const SentencePieceProto& model) {
  json vocab = json::array();
  for (const SentencePiece& piece : model.pieces) vocab.push_back({piece.text, piece.score});
  const json two_spaces = {
      {"type", "Replace"}, {"content", " "}, {"pattern", {{"Regex", " {2,}"}}}};
  const json metaspace = {{"type", "Metaspace"}, {"replacement", "▁"}};
  return {
      {"added_tokens", json::array()},
      {"normalizer",
       {{"type", "Sequence"}, {"normalizers", {precompiled(base64(model.charsmap)), two_spaces}}}},
      {"pre_tokenizer", metaspace},
      {"post_processor", nullptr},
      {"decoder", metaspace},
      {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocab}}}};
}

TEST(Precompiled, NormalisesAndEncodesAsTheReference) {
  const json tokenizer_json = tokenizer_of(proto());
  const auto normalizer = Normalizer::from_json(tokenizer_json["normalizer"]);
  ASSERT_TRUE(normalizer.has_value());
  const auto tokenizer = tokenizer_from_json(tokenizer_json.dump(), {});
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().detail;
  ASSERT_GT(cases().size(), 600U);
  for (const json& item : cases()) {
    const std::string text = item["text"];
    EXPECT_EQ(normalizer->apply(text), item.value("normal", text)) << item["text"];
    EXPECT_EQ((*tokenizer)->encode(text), ids_of(item, "ids")) << item["text"];
  }
}

TEST(Precompiled, RefusesADamagedMap) {
  const std::string whole = base64(proto().charsmap);
  ASSERT_TRUE(Normalizer::from_json(precompiled(whole)));
  for (const json& broken :
       {json{{"type", "Precompiled"}}, precompiled("*A=="), precompiled("AAA"), precompiled("////"),
        precompiled(whole.substr(0, 400)), precompiled(whole.substr(0, whole.size() - 4))}) {
    const auto normalizer = Normalizer::from_json(broken);
    ASSERT_FALSE(normalizer.has_value()) << broken.dump().substr(0, 100);
    EXPECT_EQ(normalizer.error().code, ErrorCode::tokenizer_invalid);
  }
}

}  // namespace
}  // namespace hearth::engine::testing

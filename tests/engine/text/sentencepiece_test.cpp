// Bare SentencePiece models against libsentencepiece itself and against the stored ids of
// tests/golden (generators: make_tokenizer_cases.py, make_glm_yuan.py).
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include "engine/text/json_fields.h"
#include "engine/text/slow_tokenizers.h"
#include "tests/engine/text/tokenizer_cases.h"

namespace hearth::engine::testing {
namespace {

std::filesystem::path model_file(const std::string& folder) {
  const auto path = std::filesystem::path(HEARTH_GOLDEN) / "models" / folder;
  const auto ice_text = path / "ice_text.model";
  return std::filesystem::exists(ice_text) ? ice_text : path / "tokenizer.model";
}

// The model without any family's rules around it.
TokenizerPtr bare(const std::string& folder) {
  const auto bytes = read_file(model_file(folder));
  EXPECT_TRUE(bytes);
  auto tokenizer =
      tokenizer_from_sentencepiece(*bytes, "tokenizer.model", TokenizerConfig{}, TextFamily::other);
  EXPECT_TRUE(tokenizer) << (tokenizer ? "" : tokenizer.error().detail);
  return tokenizer ? *tokenizer : nullptr;
}

// Letters of several scripts, white space in runs, what looks like pieces, and what no model knows.
std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> kParts = {
      "a",    "e",     "the",    "ing",         " ",           "  ",      "   ",         "\n",
      "\t",   "1",     "23",     ".",           ",",           ":",       "你",          "好",
      "北京", "。",    "，",     "é",           "e\u0301",     "ß",       "ﬁ",           "①",
      "Ａ",   "ｶﾞ",    "\u3000", "\u00a0",      "\u200b",      "👋",       "🚀",           "ж",
      "▁",    "<s>",   "</s>",   "<0x0A>",      "<n>",         "<|tab|>", "<|blank_2|>", "[gMASK]",
      "\r\n", "model", "server", "hello world", "def main():", "\u0e01",  "\U00020000",  "Hello",
      "问：", "答"};
  std::string text;
  const auto count = random() % 24;
  for (unsigned i = 0; i < count; ++i) text += kParts[random() % kParts.size()];
  return text;
}

class BareSentencePiece : public ::testing::TestWithParam<const char*> {};

TEST_P(BareSentencePiece, EncodesAndDecodesRandomTextsAsTheLibrary) {
  const TokenizerPtr ours = bare(GetParam());
  ASSERT_NE(ours, nullptr);
  sentencepiece::SentencePieceProcessor theirs;
  ASSERT_TRUE(theirs.Load(model_file(GetParam()).string()).ok());
  std::mt19937 random(11);
  for (int i = 0; i < 10'000; ++i) {
    const std::string text = random_text(random);
    std::vector<int> ids;
    ASSERT_TRUE(theirs.Encode(text, &ids).ok());
    ASSERT_EQ(ours->encode(text, {.split_special = true}),
              std::vector<TokenId>(ids.begin(), ids.end()))
        << '"' << text << '"';
    std::string decoded;
    ASSERT_TRUE(theirs.Decode(ids, &decoded).ok());
    ASSERT_EQ(ours->decode(std::vector<TokenId>(ids.begin(), ids.end()), true), decoded) << text;
  }
}

TEST_P(BareSentencePiece, DecodesRandomIdsAsTheLibrary) {
  const TokenizerPtr ours = bare(GetParam());
  sentencepiece::SentencePieceProcessor theirs;
  ASSERT_TRUE(theirs.Load(model_file(GetParam()).string()).ok());
  std::mt19937 random(12);
  for (int i = 0; i < 1000; ++i) {
    std::vector<int> ids(random() % 12);
    for (int& id : ids) {
      // Special tokens are left out before decoding, as transformers does; the library keeps them
      // between the bytes of a character.
      do {
        id = static_cast<int>(random() % static_cast<unsigned>(theirs.GetPieceSize()));
      } while (theirs.IsControl(id));
    }
    std::string decoded;
    ASSERT_TRUE(theirs.Decode(ids, &decoded).ok());
    ASSERT_EQ(ours->decode(std::vector<TokenId>(ids.begin(), ids.end()), true), decoded);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, BareSentencePiece,
                         ::testing::Values("chatglm1-tiny", "chatglm2-tiny", "yuan2-tiny",
                                           "vicuna-bin", "phi3", "llama-linear", "mistral"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(SentencePiece, EncodesTheStoredTextsAsTheLibraryDid) {
  for (const char* folder : {"vicuna-bin", "llama-linear", "mistral", "phi3"}) {
    const TokenizerPtr tokenizer = bare(folder);
    for (const auto& item : golden_cases(folder)["cases"]) {
      EXPECT_EQ(tokenizer->encode(text_of(item), {.split_special = true}),
                ids_of(item, "sp_ids", ids_of(item, "ids_split", ids_of(item, "ids"))))
          << folder << ' ' << item.dump().substr(0, 400);
    }
  }
}

TEST(SentencePiece, SurvivesTruncationAndDamage) {
  const auto bytes = read_file(model_file("chatglm1-tiny"));
  ASSERT_TRUE(bytes);
  const auto load = [](const std::string& text) {
    return tokenizer_from_sentencepiece(text, "m", TokenizerConfig{}, TextFamily::chatglm1);
  };
  std::mt19937 random(13);
  for (std::size_t size = 0; size < bytes->size(); size += 1 + random() % 39'997) {
    const auto cut = load(bytes->substr(0, size));
    if (!cut) continue;  // a message may also end between two pieces
    EXPECT_TRUE((*cut)->encode("Hello  你好\n"));
  }
  for (int i = 0; i < 40; ++i) {
    std::string spoilt = *bytes;
    spoilt[random() % spoilt.size()] = static_cast<char>(random() % 256);
    const auto loaded = load(spoilt);
    if (loaded) {
      EXPECT_TRUE((*loaded)->encode("Ａ①  你好\nﬁ"));
    }
  }
  EXPECT_EQ(load("hello").error().code, ErrorCode::tokenizer_invalid);
  EXPECT_EQ(load("").error().code, ErrorCode::tokenizer_invalid);
}

}  // namespace
}  // namespace hearth::engine::testing

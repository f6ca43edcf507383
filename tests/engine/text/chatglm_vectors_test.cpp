// The published ids of the ChatGLM tokenizers (tests/golden/tokenizers/chatglm_vectors.json). The
// model files are not to be had here, so models are made up. The second and third generation's has
// all pieces of the published vocabulary that the texts can touch: byte pair encoding looks at no
// others, so the ids are those of the whole. The first generation's has the pieces which the
// published ids name: what is tested there is everything around the pieces (normalizer, blanks,
// line ends, bytes, where special tokens stand and which ids they have). With HEARTH_CHATGLM_DIR
// (ice_text.model and tokenizer.model of the real folders) all vectors run on the real ones.
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/text/chat_template.h"
#include "engine/text/json_fields.h"
#include "engine/text/sentencepiece_proto.h"
#include "engine/text/slow_tokenizers.h"
#include "engine/text/utf8.h"
#include "tests/engine/text/tokenizer_cases.h"

namespace hearth::engine::testing {
namespace {

namespace fs = std::filesystem;

const nlohmann::json& vectors() {
  static const auto all = nlohmann::json::parse(
      std::ifstream(fs::path(HEARTH_GOLDEN) / "tokenizers" / "chatglm_vectors.json"));
  return all;
}

// A protocol buffer in the making.
class Message {
 public:
  Message& number(int field, std::uint64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    return varint(value);
  }
  Message& real(int field, float value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 5);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    bytes_.append(value);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Message& varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_ += static_cast<char>((value & 127) | 128);
    bytes_ += static_cast<char>(value);
    return *this;
  }
  std::string bytes_;
};

using Named = std::pair<std::size_t, const char*>;  // id, piece

// Pieces in the order of their ids. Those that nobody names are in no text.
class PieceList {
 public:
  explicit PieceList(std::size_t count) : pieces_(count) {
    for (std::size_t i = 0; i < count; ++i) {
      pieces_[i] = {"\uE000" + std::to_string(i), 0.0F, PieceType::unused};
    }
  }
  void set(std::size_t id, std::string text, PieceType type, float score = 0.0F) {
    pieces_.at(id) = {std::move(text), score, type};
  }
  void set_bytes(std::size_t first) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (std::size_t byte = 0; byte < 256; ++byte) {
      set(first + byte, {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'}, PieceType::byte);
    }
  }
  std::string file(SentencePieceKind kind, const Message& normalizer) const {
    Message model;
    for (const SentencePiece& piece : pieces_) {
      model.text(1, Message()
                        .text(1, piece.text)
                        .real(2, piece.score)
                        .number(3, static_cast<std::uint64_t>(piece.type))
                        .bytes());
    }
    const auto type = static_cast<std::uint64_t>(kind);
    model.text(2, Message().number(3, type).number(35, 1).bytes());
    return model.text(3, normalizer.bytes()).bytes();
  }

 private:
  std::vector<SentencePiece> pieces_;
};

std::string glm1_model() {
  PieceList pieces(130344);
  pieces.set(0, "<unk>", PieceType::unknown);
  for (const auto& [id, text] : std::vector<Named>{{1, "<s>"},
                                                   {2, "</s>"},
                                                   {3, "<pad>"},
                                                   {130000, "[MASK]"},
                                                   {130001, "[gMASK]"},
                                                   {130002, "[sMASK]"},
                                                   {130004, "<sop>"},
                                                   {130005, "<eop>"}}) {
    pieces.set(id, text, PieceType::control);
  }
  pieces.set(4, "<n>", PieceType::user_defined);
  pieces.set(130008, "<|tab|>", PieceType::user_defined);
  for (std::size_t n = 2; n <= 80; ++n) {
    pieces.set(130007 + n, "<|blank_" + std::to_string(n) + "|>", PieceType::user_defined);
  }
  pieces.set_bytes(130088);
  const std::vector<Named> named = {{5, "▁"},
                                    {6, ","},
                                    {8, "0"},
                                    {9, "1"},
                                    {11, "-"},
                                    {12, ":"},
                                    {21, "6"},
                                    {35, "!"},
                                    {42, "]"},
                                    {52, "["},
                                    {53, "▁["},
                                    {61, "#"},
                                    {89, "('"},
                                    {222, "B"},
                                    {340, "M"},
                                    {398, "▁world"},
                                    {594, "▁main"},
                                    {1616, "▁def"},
                                    {2274, "print"},
                                    {5388, "GL"},
                                    {6945, "Round"},
                                    {7283, "hello"},
                                    {14132, "▁Chat"},
                                    {25672, "▁greeting"},
                                    {63823, "。"},
                                    {63852, "你"},
                                    {64213, "应该"},
                                    {64286, "问"},
                                    {65450, "晚上"},
                                    {65806, "我是"},
                                    {66430, "欢迎"},
                                    {66846, "怎么办"},
                                    {66877, "见到"},
                                    {67342, "答"},
                                    {68241, "人工智能"},
                                    {68747, "问我"},
                                    {74874, "你好"},
                                    {75890, "助手"},
                                    {76693, "很高兴"},
                                    {83400, "睡不着"},
                                    {102501, "任何问题"},
                                    {125686, "')"},
                                    {125936, "():"}};
  for (const auto& [id, text] : named) pieces.set(id, text, PieceType::normal, -1.0F);
  // The published file's normalizer is nmt_nfkc; so is the one of the small folder.
  const auto small = read_file(fs::path(HEARTH_GOLDEN) / "models/chatglm1-tiny/ice_text.model");
  const std::string charsmap = parse_sentencepiece(*small, "")->charsmap;
  return pieces.file(SentencePieceKind::unigram, Message().text(2, charsmap));
}

// All pieces of the published vocabulary that can come up in the texts of the vectors, at their own
// places (chatglm2_pieces.json). CodeGeeX2 has the same vocabulary, but puts no blank in front.
std::string glm2_model(bool has_dummy_prefix = true) {
  PieceList pieces(64789);
  pieces.set(0, "<unk>", PieceType::unknown);
  pieces.set(1, "<s>", PieceType::control);
  pieces.set(2, "</s>", PieceType::control);
  pieces.set_bytes(3);
  const auto listed = nlohmann::json::parse(
      std::ifstream(fs::path(HEARTH_GOLDEN) / "tokenizers" / "chatglm2_pieces.json"));
  for (const auto& piece : listed) {
    const auto id = piece[0].get<std::size_t>();
    pieces.set(id, piece[1].get<std::string>(), PieceType::normal, -static_cast<float>(id));
  }
  return pieces.file(SentencePieceKind::bpe,
                     Message().number(3, has_dummy_prefix ? 1 : 0).number(4, 0));
}

TokenizerPtr tokenizer_of(const std::string& model, TextFamily family) {
  auto tokenizer = tokenizer_from_sentencepiece(model, "made up", {}, family);
  EXPECT_TRUE(tokenizer) << tokenizer.error().detail;
  return *tokenizer;
}

void expect_specials(const Tokenizer& tokenizer, const nlohmann::json& special) {
  for (const auto& [token, id] : special.items()) {
    EXPECT_EQ(tokenizer.token_to_id(token), id.get<TokenId>()) << token;
  }
}

void expect_text(const Tokenizer& tokenizer, const nlohmann::json& item) {
  const MarkedText text(item["text"].get<std::string>(), Origin::from_message);
  EXPECT_EQ(tokenizer.encode(text, {.add_special_tokens = true}), ids_of(item, "ids"))
      << item["text"];
}

void expect_chats(const Tokenizer& tokenizer, const nlohmann::json& chats) {
  const auto form = ChatTemplate::load(fs::path(HEARTH_GOLDEN) / "models/chatglm3-tiny");
  ASSERT_TRUE(form);
  for (const auto& chat : chats) {
    TemplateVariables variables;
    variables.messages = nlohmann::ordered_json::parse(chat["messages"].dump());
    const auto text = (*form)->render(variables);
    ASSERT_TRUE(text) << text.error().detail;
    EXPECT_EQ(tokenizer.encode(*text, {.add_special_tokens = (*form)->leaves_bos_to_tokenizer()}),
              ids_of(chat, "ids"));
  }
}

void expect_first(const std::string& model) {
  const TokenizerPtr tokenizer = tokenizer_of(model, TextFamily::chatglm1);
  expect_specials(*tokenizer, vectors()["chatglm1"]["special"]);
  ASSERT_EQ(vectors()["chatglm1"]["encode"].size(), 3U);
  for (const auto& item : vectors()["chatglm1"]["encode"]) expect_text(*tokenizer, item);
}

void expect_second_and_third(const std::string& model) {
  const TokenizerPtr second = tokenizer_of(model, TextFamily::chatglm2);
  const auto& items = vectors()["chatglm2"]["encode"];
  expect_specials(*second, vectors()["chatglm2"]["special"]);
  ASSERT_EQ(items.size(), 5U);
  for (std::size_t i = 0; i < 4; ++i) expect_text(*second, items[i]);  // the fifth: OfCodeGeeX2
  const TokenizerPtr third = tokenizer_of(model, TextFamily::chatglm3);
  expect_specials(*third, vectors()["chatglm3"]["special"]);
  ASSERT_EQ(vectors()["chatglm3"]["encode"].size(), 1U);
  expect_text(*third, vectors()["chatglm3"]["encode"][0]);
  ASSERT_EQ(vectors()["chatglm3"]["chat"].size(), 3U);
  expect_chats(*third, vectors()["chatglm3"]["chat"]);
}

TEST(ChatGlmVectors, OfTheFirstGeneration) { expect_first(glm1_model()); }

TEST(ChatGlmVectors, OfTheSecondAndThirdAndItsChats) { expect_second_and_third(glm2_model()); }

// CodeGeeX2's published tokenizer.model has ChatGLM2's size and pieces, and another hash.
TEST(ChatGlmVectors, OfCodeGeeX2) {
  const TokenizerPtr tokenizer = tokenizer_of(glm2_model(false), TextFamily::chatglm2);
  expect_text(*tokenizer, vectors()["chatglm2"]["encode"][4]);
}

#ifdef HEARTH_CHATGLM_DIR
TEST(ChatGlmVectors, OfThePublishedFiles) {
  const auto model = [](const char* file) {
    return read_file(fs::path(HEARTH_CHATGLM_DIR) / file).value();
  };
  expect_first(model("ice_text.model"));
  expect_second_and_third(model("tokenizer.model"));
}
#endif

}  // namespace
}  // namespace hearth::engine::testing

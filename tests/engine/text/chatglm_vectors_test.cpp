// The published ids of the ChatGLM tokenizers (tests/golden/tokenizers/chatglm_vectors.json). The
// model files are not to be had here, so a model is made up that has the pieces which the published
// ids name, at their own places among as many pieces as the real one has: what is tested is
// everything around the pieces (normalizer, blanks, line ends, bytes, where special tokens stand
// and which ids they have). With HEARTH_CHATGLM_DIR (ice_text.model and tokenizer.model of the real
// folders) all vectors run on the real ones.
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

std::string glm2_model() {
  PieceList pieces(64789);
  pieces.set(0, "<unk>", PieceType::unknown);
  pieces.set(1, "<s>", PieceType::control);
  pieces.set(2, "</s>", PieceType::control);
  pieces.set_bytes(3);
  // What comes first is joined first.
  const std::vector<Named> named = {
      {36474, "▁你"},  {4466, "▁print"},    {296, "▁▁▁"},         {884, "▁def"},
      {1301, "▁main"}, {9427, "():"},       {2029, "('"},         {15616, "hell"},
      {993, "▁world"}, {3387, "')"},        {30174, "▁greeting"}, {22011, "▁Chat"},
      {10461, "GL"},   {790, "▁["},         {517, "ound"},        {39701, "你好"},
      {33030, "我是"}, {34797, "人工智能"}, {42481, "助手"},      {48895, "很高兴"},
      {35214, "见到"}, {32616, "欢迎"},     {39905, "问我"},      {31901, "任何"},
      {31639, "问题"}, {32820, "晚上"},     {31876, "不着"},      {35153, "应该怎么办"},
      {30910, "▁"},    {30914, "o"},        {30939, "1"},         {30941, "-"},
      {30943, "2"},    {30944, "M"},        {30949, "B"},         {30951, "R"},
      {30966, "3"},    {30978, "6"},        {30995, "["},         {30996, "]"},
      {31010, "#"},    {31123, "，"},       {31155, "。"},        {31211, "："},
      {31404, "！"},   {54266, "睡"},       {54591, "好"},        {54622, "你"},
      {54761, "问"},   {55437, "答"}};
  float score = 0.0F;
  std::size_t spare = 1000;  // BPE joins two at a time: what leads to a piece needs a place too
  for (const auto& [id, text] : named) {
    const std::string_view whole = text;
    std::size_t at = decode_utf8(whole, 0).bytes;
    while (at < whole.size() && (at += decode_utf8(whole, at).bytes) < whole.size()) {
      while (spare == 1301) ++spare;
      pieces.set(spare++, std::string(whole.substr(0, at)), PieceType::normal, score -= 1.0F);
    }
    pieces.set(id, text, PieceType::normal, score -= 1.0F);
  }
  return pieces.file(SentencePieceKind::bpe, Message().number(4, 0));
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

// The first `count` vectors: the others need pieces that nobody here knows.
void expect_texts(const Tokenizer& tokenizer, const nlohmann::json& items, std::size_t count) {
  ASSERT_GE(items.size(), count);
  for (std::size_t i = 0; i < count; ++i) {
    const MarkedText text(items[i]["text"].get<std::string>(), Origin::from_message);
    EXPECT_EQ(tokenizer.encode(text, {.add_special_tokens = true}), ids_of(items[i], "ids"))
        << items[i]["text"];
  }
}

void expect_chats(const Tokenizer& tokenizer, const nlohmann::json& chats, std::size_t count) {
  const auto form = ChatTemplate::load(fs::path(HEARTH_GOLDEN) / "models/chatglm3-tiny");
  ASSERT_TRUE(form);
  for (std::size_t i = 0; i < count; ++i) {
    TemplateVariables variables;
    variables.messages = nlohmann::ordered_json::parse(chats[i]["messages"].dump());
    const auto text = (*form)->render(variables);
    ASSERT_TRUE(text) << text.error().detail;
    EXPECT_EQ(tokenizer.encode(*text, {.add_special_tokens = (*form)->leaves_bos_to_tokenizer()}),
              ids_of(chats[i], "ids"));
  }
}

TEST(ChatGlmVectors, OfTheFirstGeneration) {
  const TokenizerPtr tokenizer = tokenizer_of(glm1_model(), TextFamily::chatglm1);
  expect_specials(*tokenizer, vectors()["chatglm1"]["special"]);
  expect_texts(*tokenizer, vectors()["chatglm1"]["encode"], 3);
}

TEST(ChatGlmVectors, OfTheSecond) {
  const TokenizerPtr tokenizer = tokenizer_of(glm2_model(), TextFamily::chatglm2);
  expect_specials(*tokenizer, vectors()["chatglm2"]["special"]);
  expect_texts(*tokenizer, vectors()["chatglm2"]["encode"], 4);
}

TEST(ChatGlmVectors, OfTheThirdAndItsChats) {
  const TokenizerPtr tokenizer = tokenizer_of(glm2_model(), TextFamily::chatglm3);
  expect_specials(*tokenizer, vectors()["chatglm3"]["special"]);
  expect_texts(*tokenizer, vectors()["chatglm3"]["encode"], 1);
  expect_chats(*tokenizer, vectors()["chatglm3"]["chat"], 2);
}

#ifdef HEARTH_CHATGLM_DIR
TEST(ChatGlmVectors, OfThePublishedFiles) {
  const auto model = [](const char* file) {
    return read_file(fs::path(HEARTH_CHATGLM_DIR) / file).value();
  };
  const auto& all = vectors();
  expect_texts(*tokenizer_of(model("ice_text.model"), TextFamily::chatglm1),
               all["chatglm1"]["encode"], all["chatglm1"]["encode"].size());
  expect_texts(*tokenizer_of(model("tokenizer.model"), TextFamily::chatglm2),
               all["chatglm2"]["encode"], all["chatglm2"]["encode"].size());
  const TokenizerPtr third = tokenizer_of(model("tokenizer.model"), TextFamily::chatglm3);
  expect_texts(*third, all["chatglm3"]["encode"], all["chatglm3"]["encode"].size());
  expect_chats(*third, all["chatglm3"]["chat"], all["chatglm3"]["chat"].size());
}
#endif

}  // namespace
}  // namespace hearth::engine::testing

#include "engine/text/stream_decoder.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/text/tokenizer_json.h"
#include "engine/text/utf8.h"
#include "engine/text/windowed_stream.h"
#include "tests/engine/text/tokenizer_cases.h"

namespace hearth::engine::testing {
namespace {

using Words = std::vector<std::string>;

Words deltas_of(DecodeStream& stream, const std::vector<TokenId>& ids) {
  Words deltas;
  for (const TokenId id : ids) {
    deltas.emplace_back();
    stream.push(id, deltas.back());
  }
  deltas.emplace_back();
  stream.finish(deltas.back());
  return deltas;
}

std::string joined(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += word;
  return text;
}

// Byte tokens A: E4, B: BD, C: A0 ("你"), X: FF, and a word.
TokenizerPtr byte_tokenizer() {
  return *tokenizer_from_json(R"({
    "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 2}]},
    "model": {"type": "BPE", "vocab": {"<0xE4>": 0, "<0xBD>": 1, "<0xA0>": 2, "<0xFF>": 3, " word ": 4, " ": 5}, "merges": []}})",
                              {});
}

TEST(StreamDecoder, ShowsACharacterWhenItsLastByteComes) {
  const TokenizerPtr tokenizer = byte_tokenizer();
  EXPECT_EQ(deltas_of(*tokenizer->open_stream(true), {0, 1, 2, 4, 0}),
            (Words{"", "", "你", " word", "", " \uFFFD"}));
}

TEST(StreamDecoder, ReplacesEachByteOfABrokenRunAsTheListDoes) {
  const TokenizerPtr tokenizer = byte_tokenizer();
  for (const std::vector<TokenId>& ids : std::vector<std::vector<TokenId>>{
           {0, 1, 3, 4}, {3, 0, 1, 2, 4}, {0, 0, 1, 2}, {4, 1, 1}, {5, 5, 5, 4, 5, 5, 5}}) {
    const Words deltas = deltas_of(*tokenizer->open_stream(false), ids);
    EXPECT_EQ(joined(deltas), tokenizer->decode(ids, false));
  }
}

TEST(StreamDecoder, HoldsAtMostThreeBytes) {
  const TokenizerPtr tokenizer = golden_tokenizer("qwen2-tied");
  std::mt19937 random(6);
  for (int round = 0; round < 200; ++round) {
    std::vector<TokenId> ids(200);
    for (TokenId& id : ids) id = static_cast<TokenId>(random() % tokenizer->vocab_size());
    StreamDecoder decoder(tokenizer, false);
    std::string text;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      text += decoder.push(ids[i]);
      const std::string whole = tokenizer->decode(std::span(ids).first(i + 1), false);
      ASSERT_TRUE(whole.starts_with(text));
      ASSERT_LE(whole.size() - text.size(), 3U);
    }
    ASSERT_EQ(text + decoder.finish(), tokenizer->decode(ids, false));
  }
}

TEST(WindowedStream, SaysWhatTheTokenizersOwnStreamSays) {
  for (const char* folder : {"qwen2-tied", "llama3-gqa"}) {
    const TokenizerPtr tokenizer = golden_tokenizer(folder);
    for (const auto& item : golden_cases(folder)["stream_cases"]) {
      WindowedStream stream(*tokenizer, true);
      const Words deltas = deltas_of(stream, ids_of(item, "ids"));
      for (const std::string& delta : deltas) EXPECT_TRUE(is_valid_utf8(delta));
      EXPECT_EQ(joined(deltas), item["text"].get<std::string>()) << item.dump();
    }
  }
}

TEST(WindowedStream, DoesNotHoldForEver) {
  const TokenizerPtr tokenizer = byte_tokenizer();
  WindowedStream stream(*tokenizer, true);
  std::string text;
  for (std::size_t i = 0; i < WindowedStream::kHeldMax; ++i) stream.push(3, text);
  EXPECT_FALSE(text.empty());
}

}  // namespace
}  // namespace hearth::engine::testing

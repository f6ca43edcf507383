#include "server/session/reply_text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/server/session/support/fake_text.h"

namespace hearth::server {
namespace {

// Bytes are tokens here, so positions can be read off the text.
class Writing {
 public:
  explicit Writing(std::vector<std::string> stop = {}, std::int64_t max_tokens = 5000)
      : text(std::make_shared<testing::ByteTokenizer>(), std::move(stop)),
        stream(request(max_tokens)) {}

  void write(std::string_view bytes) {
    for (const char c : bytes)
      stream.append({.id = static_cast<unsigned char>(c), .logprob = -1.0F, .u = 0.0F, .rank = 0},
                    {});
    text.pull(stream);
  }

  static engine::GenerationRequest request(std::int64_t max_tokens) {
    engine::GenerationRequest made;
    made.prompt_ids = {1};
    made.max_tokens = max_tokens;
    return made;
  }

  ReplyText text;
  engine::TokenStream stream;
};

TEST(ReplyText, EachTokenHasItsBytes) {
  Writing reply;
  reply.write("abc");
  const Delta delta = reply.text.slice({}, 1);
  EXPECT_EQ(delta.from, 1U);
  EXPECT_EQ(delta.to, 3U);
  EXPECT_EQ(delta.text, "bc");
  EXPECT_EQ(delta.bytes, (std::vector<std::uint32_t>{1, 1}));
  EXPECT_EQ(delta.lp, (std::vector<float>{-1.0F, -1.0F}));
}

TEST(ReplyText, HalfACharacterBelongsToTheTokenThatEndsIt) {
  Writing reply;
  reply.write("\xe4\xbd");
  EXPECT_EQ(reply.text.text(), "");
  EXPECT_EQ(reply.text.to(), 0U);
  reply.write("\xa0");
  EXPECT_EQ(reply.text.text(), "你");
  EXPECT_EQ(reply.text.slice({}, 0).bytes, (std::vector<std::uint32_t>{0, 0, 3}));
}

TEST(ReplyText, ACharacterThatNeverEndsIsReplacedAtTheEnd) {
  Writing reply;
  reply.write("a\xe4");
  EXPECT_EQ(reply.text.to(), 1U);
  reply.text.finish();
  EXPECT_EQ(reply.text.text(), "a\xEF\xBF\xBD");
  EXPECT_EQ(reply.text.to(), 2U);
  EXPECT_EQ(reply.text.slice({}, 1).text, "\xEF\xBF\xBD")
      << "who had the first token gets the rest";
}

TEST(ReplyText, EndsBeforeAStopStringAndReadsNoFurther) {
  Writing reply({"END"});
  reply.write("helloENDmore");
  EXPECT_TRUE(reply.text.stopped());
  EXPECT_EQ(reply.text.text(), "hello");
  EXPECT_EQ(reply.text.to(), 8U);  // the tokens that made the stop string carry no text
  reply.write("evenmore");
  reply.text.finish();
  EXPECT_EQ(reply.text.text(), "hello");
  EXPECT_EQ(reply.text.to(), 8U);
}

TEST(ReplyText, HoldsBackWhatMayBecomeAStopString) {
  Writing reply({"END"});
  reply.write("helloEN");
  EXPECT_EQ(reply.text.text(), "hello");
  EXPECT_EQ(reply.text.to(), 5U);
  reply.write("X");
  EXPECT_EQ(reply.text.text(), "helloENX");
  EXPECT_EQ(reply.text.to(), 8U);
}

TEST(ReplyText, WhatWasHeldBackComesAtTheEnd) {
  Writing reply({"END"});
  reply.write("helloEN");
  reply.text.finish();
  EXPECT_EQ(reply.text.text(), "helloEN");
  EXPECT_EQ(reply.text.to(), 7U);
}

TEST(ReplyText, AnEmptyReplyHasNoTokens) {
  Writing reply;
  reply.text.finish();
  EXPECT_EQ(reply.text.text(), "");
  EXPECT_EQ(reply.text.to(), 0U);
}

// However the bytes arrive and wherever somebody begins to read: the slices joined are the whole.
RC_GTEST_PROP(ReplyText, SlicesJoinToTheWhole, (const std::vector<std::string>& pieces)) {
  Writing reply({"ab", "\xc3\xa9"}, 1 << 20);
  std::string joined;
  std::size_t have = 0;
  const auto read = [&] {
    const Delta delta = reply.text.slice({}, have);
    std::size_t bytes = 0;
    for (const std::uint32_t size : delta.bytes) bytes += size;
    RC_ASSERT(bytes == delta.text.size());
    RC_ASSERT(delta.bytes.size() == delta.to - delta.from);
    RC_ASSERT(delta.lp.size() == delta.to - delta.from);
    joined += delta.text;
    have = delta.to;
  };
  for (const std::string& piece : pieces) {
    reply.write(piece);
    read();
  }
  reply.text.finish();
  read();
  RC_ASSERT(joined == reply.text.text());
  RC_ASSERT(reply.text.slice({}, 0).text == joined);
}

}  // namespace
}  // namespace hearth::server

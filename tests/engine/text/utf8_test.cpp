#include "engine/text/utf8.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

TEST(Utf8, AcceptsEveryCharacterAndNoSurrogate) {
  for (char32_t value = 0; value < 0x110000; ++value) {
    std::string text;
    append_utf8(text, value);
    const bool is_surrogate = value >= 0xD800 && value < 0xE000;
    ASSERT_EQ(is_valid_utf8(text), !is_surrogate) << std::hex << static_cast<unsigned>(value);
    if (is_surrogate) continue;
    ASSERT_EQ(decode_utf8(text, 0).value, value);
  }
}

// Unicode 15, table 3-8 and its neighbours.
TEST(Utf8, ReplacesEachMaximalInvalidSubpart) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(to_valid_utf8("a\xF1\x80\x80\xE1\x80\xC2"
                          "b\x80"
                          "c\x80\xBF"
                          "d"),
            "a" + bad + bad + bad + "b" + bad + "c" + bad + bad + "d");
  EXPECT_EQ(to_valid_utf8("\xC0\xAF"), bad + bad);
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80"), bad + bad + bad);
  EXPECT_EQ(to_valid_utf8("\xF4\x90\x80\x80"), bad + bad + bad + bad);
  EXPECT_EQ(to_valid_utf8("\xE4\xBD"), bad);
}

TEST(Utf8Stream, GivesTheSameTextHoweverTheBytesAreCut) {
  std::mt19937 random(2);
  const std::string_view kBytes = "a\x80\xBF\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80\xFF";
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (std::size_t i = 0; i < 12; ++i) bytes += kBytes[random() % kBytes.size()];
    Utf8Stream stream;
    std::string out;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t num_bytes = 1 + random() % 3;
      stream.push(std::string_view(bytes).substr(at, num_bytes), out);
      ASSERT_TRUE(is_valid_utf8(out));
      at += num_bytes;
    }
    stream.finish(out);
    ASSERT_EQ(out, to_valid_utf8(bytes));
  }
}

}  // namespace
}  // namespace hearth::engine

// The hand-written delta against nlohmann-json.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "server/session/protocol.h"

namespace hearth::server {
namespace {

using nlohmann::json;

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(DeltaWriter, EscapesWhatJsonRequires) {
  EXPECT_EQ(json_string("a\"b\\c\n\t\r\b\f\x01\x1f"), R"("a\"b\\c\n\t\r\b\f\u0001\u001f")");
  EXPECT_EQ(json_string("héllo 你好 🔥"), "\"héllo 你好 🔥\"");
}

TEST(DeltaWriter, BytesThatAreNotUtf8BecomeReplacementCharacters) {
  EXPECT_EQ(json_string("a\xff"), "\"a\xEF\xBF\xBD\"");
  EXPECT_EQ(json_string("\xe4\xbd"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");         // half a character
  EXPECT_EQ(json::parse(json_string("\xed\xa0\x80")).is_string(), true);      // a surrogate
  EXPECT_EQ(json::parse(json_string("\xc0\xaf")).is_string(), true);          // overlong
  EXPECT_EQ(json::parse(json_string("\xf4\x90\x80\x80")).is_string(), true);  // beyond U+10FFFF
}

RC_GTEST_PROP(DeltaWriter, AnyBytesGiveJsonThatNlohmannReads, (const std::string& bytes)) {
  RC_ASSERT(json::parse(json_string(bytes), nullptr, false).is_string());
}

RC_GTEST_PROP(DeltaWriter, ValidTextComesBackAsItWas, (const std::vector<std::uint32_t>& numbers)) {
  std::string text;
  for (const std::uint32_t number : numbers) {
    std::uint32_t c = number % 0x110000U;
    if (c >= 0xd800 && c <= 0xdfff) c = 'x';
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else if (c < 0x800) {
      text += static_cast<char>(0xc0U | c >> 6U);
      text += static_cast<char>(0x80U | (c & 63U));
    } else if (c < 0x10000) {
      text += static_cast<char>(0xe0U | c >> 12U);
      text += static_cast<char>(0x80U | (c >> 6U & 63U));
      text += static_cast<char>(0x80U | (c & 63U));
    } else {
      text += static_cast<char>(0xf0U | c >> 18U);
      text += static_cast<char>(0x80U | (c >> 12U & 63U));
      text += static_cast<char>(0x80U | (c >> 6U & 63U));
      text += static_cast<char>(0x80U | (c & 63U));
    }
  }
  RC_ASSERT(json::parse(json_string(text)).get<std::string>() == text);
}

TEST(DeltaWriter, WritesWhatTheDocumentShows) {
  const Delta delta{.stream = *parse_id<MessageId>("00112233445566778899aabbccddeeff"),
                    .from = 2,
                    .to = 4,
                    .text = "A token",
                    .lp = {-0.03125F, -1.5F},
                    .bytes = {1, 6}};
  EXPECT_EQ(
      to_frame(delta),
      R"({"type":"delta","stream":"00112233445566778899aabbccddeeff","from":2,"to":4,"text":"A token",)"
      R"("lp":[-0.0312,-1.5000],"bytes":[1,6]})");
}

TEST(DeltaWriter, ImpossibleProbabilitiesAreStillJson) {
  const Delta delta{
      .stream = {}, .from = 0, .to = 2, .text = "", .lp = {-INFINITY, NAN}, .bytes = {0, 0}};
  EXPECT_EQ(json::parse(to_frame(delta))["lp"], json::array({-9999, -9999}));
}

TEST(DeltaWriter, ReasoningIsNamed) {
  EXPECT_EQ(json::parse(to_frame(Delta{.channel = Channel::reasoning}))["channel"], "reasoning");
  EXPECT_FALSE(json::parse(to_frame(Delta{})).contains("channel"));
}

}  // namespace
}  // namespace hearth::server

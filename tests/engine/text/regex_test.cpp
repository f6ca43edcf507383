#include "engine/text/regex.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

using Words = std::vector<std::string>;

Words matches(const char* pattern, const std::string& text) {
  const auto regex = Regex::compile(pattern);
  EXPECT_TRUE(regex.has_value()) << pattern;
  std::vector<TextRange> ranges;
  regex->find_all(text, ranges);
  Words words;
  for (const TextRange& range : ranges)
    words.push_back(text.substr(range.begin, range.end - range.begin));
  return words;
}

// Oniguruma's answers, from the tokenizers library.
TEST(Regex, ReadsClassesAsOnigurumaDoes) {
  EXPECT_EQ(matches(R"(\s+)", "a\u180e \u0085b\u3000"), (Words{" \u0085", "\u3000"}));
  EXPECT_EQ(matches(R"([^\s]+)", "a\u180e b"), (Words{"a\u180e", "b"}));
  EXPECT_EQ(matches(R"(\S+)", "a\u180e b"), (Words{"a\u180e", "b"}));
  EXPECT_EQ(matches(R"(\w+)", "e\u0301_½①Ⓐ"), (Words{"e\u0301_½", "Ⓐ"}));
  EXPECT_EQ(matches(R"([\w]+)", "½x"), (Words{"x"}));
  EXPECT_EQ(matches(R"(\h+)", "fg 0A"), (Words{"f", "0A"}));
  EXPECT_EQ(matches(R"(\p{Han}+)", "中、文ー"), (Words{"中", "文"}));
}

TEST(Regex, FoldsCaseAcrossScripts) {
  EXPECT_EQ(matches("(?i:'s|'d)", "'S 'ſ 'D"), (Words{"'S", "'ſ", "'D"}));
}

TEST(Regex, PassesOverEmptyMatches) { EXPECT_EQ(matches("b*", "abbéb"), (Words{"bb", "b"})); }

TEST(Regex, RefusesWhatPcre2WouldReadDifferently) {
  for (const char* pattern : {"[a-z&&[^b]]", "[a[b]]", R"([\S])"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_FALSE(regex.has_value()) << pattern;
    EXPECT_EQ(regex.error().code, ErrorCode::tokenizer_unsupported);
  }
  const auto broken = Regex::compile("(");
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().code, ErrorCode::tokenizer_invalid);
}

// 2^n ways to fail: the search must end, and nobody may take its end for "no match".
TEST(Regex, GivesUpAtItsLimits) {
  const auto regex = Regex::compile("(?:(?:a|a)*)*b|c");
  ASSERT_TRUE(regex.has_value());
  std::vector<TextRange> ranges;
  EXPECT_THROW(regex->find_all("c" + std::string(64, 'a') + "c", ranges), Regex::LimitReached);
}

}  // namespace
}  // namespace hearth::engine

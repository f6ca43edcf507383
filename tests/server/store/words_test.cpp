// What search sees, and that nothing a person types becomes query syntax.
#include "server/store/words.h"

#include <gtest/gtest.h>

namespace hearth::server {
namespace {

std::vector<std::string> folded(std::string_view text) {
  std::vector<std::string> list;
  for (const Word& word : words_of(text)) list.push_back(word.folded);
  return list;
}
using List = std::vector<std::string>;

bool finds(std::string_view query, std::string_view text) {
  return SearchQuery::parse(query)->matches(words_of(text));
}

UserId user(std::uint8_t first) {
  UserId id;
  id.bytes[0] = first;
  return id;
}

TEST(Words, AreRunsOfLettersAndDigitsWithoutCaseAndAccents) {
  EXPECT_EQ(folded("What's a TOKEN, 42 times?"), (List{"what", "s", "a", "token", "42", "times"}));
  EXPECT_EQ(folded("Crème Brûlée"), (List{"creme", "brulee"}));
  EXPECT_EQ(folded("cre\xCC\x80me"), (List{"creme"}));  // the accent as a character of its own
  EXPECT_EQ(folded("Straße ＡＢＣ ﬁn"), (List{"strasse", "abc", "fin"}));
  EXPECT_EQ(folded("  \n\t--"), List{});
}

TEST(Words, OfChineseJapaneseAndKoreanAreTheCharacters) {
  EXPECT_EQ(folded("词元token化"), (List{"词", "元", "token", "化"}));
  EXPECT_EQ(folded("かな カナ"), (List{"か", "な", "カ", "ナ"}));
  EXPECT_EQ(folded("한글"), (List{"한", "글"}));
}

TEST(Words, KnowWhereTheyStand) {
  const auto words = words_of("ein Wört 词!");
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(words[1].begin, 4U);
  EXPECT_EQ(words[1].end, 9U);
  EXPECT_EQ(words[2].begin, 10U);
  EXPECT_EQ(words[2].end, 13U);
}

TEST(Words, BytesThatAreNotUtf8SeparateAndDoNoHarm) {
  EXPECT_EQ(folded("ab\xff"
                   "cd\xe4\xbd"),
            (List{"ab", "cd"}));
  for (int byte = 0; byte < 256; ++byte) folded(std::string("x") + static_cast<char>(byte) + "y");
}

TEST(Words, AVeryLongWordIsCutTheSameWayEverywhere) {
  const std::string run(100'000, 'a');
  ASSERT_EQ(folded(run).size(), 1U);
  EXPECT_LE(folded(run)[0].size(), 64U);
  EXPECT_TRUE(finds(run, "say " + run));
}

TEST(SearchQuery, AllWordsMustBeThereInAnyOrder) {
  EXPECT_TRUE(finds("token piece", "A piece is a token"));
  EXPECT_FALSE(finds("token cloud ", "A piece is a token"));
}

TEST(SearchQuery, QuotesMakeAPhrase) {
  EXPECT_TRUE(finds("\"a piece\"", "This is a piece"));
  EXPECT_FALSE(finds("\"piece a\"", "This is a piece"));
  EXPECT_TRUE(finds("\"open quote", "an open quote stays open"));
}

TEST(SearchQuery, OnlyTheLastWordIsABeginning) {
  EXPECT_TRUE(finds("tok", "tokens"));
  EXPECT_FALSE(finds("tok piece", "tokens piece"));
  EXPECT_FALSE(finds("tok ", "tokens"));  // a blank ends it
  EXPECT_FALSE(finds("\"tok\"", "tokens"));
}

TEST(SearchQuery, ChineseMatchesByCharactersInSequence) {
  EXPECT_TRUE(finds("词元", "什么是词元？"));
  EXPECT_FALSE(finds("元词", "什么是词元？"));
  EXPECT_TRUE(finds("模型", "大语言模型很大"));
}

TEST(SearchQuery, NeedsALetterOrADigit) {
  for (const char* text : {"", "  ", "\"\"", "-- ?!", "\"", "😀"}) {
    EXPECT_FALSE(SearchQuery::parse(text).has_value()) << text;
  }
}

TEST(SearchQuery, UserTextNeverBecomesSyntax) {
  const std::string match =
      SearchQuery::parse("a OR b NOT c NEAR(d) words:e * ^f col-g \"h\" AND")->match(user(0xab));
  for (const char* word :
       {"a", "or", "b", "not", "c", "near", "d", "words", "e", "f", "col", "h"}) {
    EXPECT_NE(match.find(std::string("ab000000") + word), std::string::npos) << word;
  }
  // Outside the quotes there is nothing but our own AND and the last star.
  std::string outside;
  bool is_inside = false;
  for (const char c : match) {
    if (c == '"') is_inside = !is_inside;
    if (!is_inside && c != '"') outside += c;
  }
  while (outside.find(" AND ") != std::string::npos) outside.erase(outside.find(" AND "), 5);
  EXPECT_EQ(outside, " *");
}

TEST(SearchQuery, TheIndexOfOneUserHasNoWordOfAnother) {
  EXPECT_EQ(index_text(user(1), "Hi there"), "01000000hi 01000000there");
  EXPECT_NE(index_text(user(1), "secret"), index_text(user(2), "secret"));
}

TEST(SearchQuery, ASnippetMarksTheMatches) {
  const auto parts = SearchQuery::parse("\"a piece\"")->snippet("Well: a piece of text.");
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].text, "Well: ");
  EXPECT_EQ(parts[1].text, "a piece");
  EXPECT_TRUE(parts[1].is_match);
  EXPECT_EQ(parts[2].text, " of text.");
}

TEST(SearchQuery, ASnippetOfALongTextIsShortAndWholeUtf8) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "前后";
  text += "needle";
  for (int i = 0; i < 500; ++i) text += "前后";
  std::string joined;
  for (const SnippetPart& part : SearchQuery::parse("needle")->snippet(text)) joined += part.text;
  EXPECT_LE(joined.size(), 200U);
  EXPECT_NE(joined.find("needle"), std::string::npos);
  EXPECT_EQ(joined.find("\xEF\xBF\xBD"), std::string::npos);
  EXPECT_EQ(joined.substr(0, 4), "… ");
}

}  // namespace
}  // namespace hearth::server

// Ids, titles, admission: the parts that need no fixture.
#include <set>

#include <gtest/gtest.h>

#include "server/session/admission.h"
#include "server/session/crypto.h"
#include "server/session/title.h"

namespace hearth::server {
namespace {

TEST(Ids, TextIs32LowerHexDigitsAndBack) {
  const auto id = parse_id<MessageId>("00ff112233445566778899aabbccddee");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(to_string(*id), "00ff112233445566778899aabbccddee");
  EXPECT_FALSE(parse_id<MessageId>("00FF112233445566778899AABBCCDDEE"));
  EXPECT_FALSE(parse_id<MessageId>("00ff112233445566778899aabbccdde"));
  EXPECT_FALSE(parse_id<MessageId>("00ff112233445566778899aabbccddeef"));
  EXPECT_FALSE(parse_id<MessageId>(""));
}

// Reliability R-07, in the small: no duplicates, and no byte value is favoured (chi-square, 255
// degrees of freedom, p ≈ 1e-6).
TEST(Ids, TheSystemsAreDistinctAndEven) {
  const RandomBytes random = system_random();
  std::set<MessageId> seen;
  std::array<double, 256> counts{};
  constexpr int kIds = 20'000;
  for (int i = 0; i < kIds; ++i) {
    const auto id = new_id<MessageId>(random);
    seen.insert(id);
    for (const std::uint8_t byte : id.bytes) ++counts[byte];
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kIds));
  const double expected = kIds * 16.0 / 256.0;
  double chi_square = 0.0;
  for (const double count : counts)
    chi_square += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi_square, 380.0);
}

TEST(Crypto, Sha256IsTheStandards) {
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Title, AShortMessageIsItsOwnTitle) {
  EXPECT_EQ(title_from("What is a token?"), "What is a token?");
}

TEST(Title, IsOneLine) { EXPECT_EQ(title_from("  a\n\n b\t c  "), "a b c"); }

TEST(Title, IsCutAtAWord) {
  const std::string title = title_from(
      "the quick brown fox jumps over the lazy dog and then sleeps for a very long time");
  EXPECT_EQ(title, "the quick brown fox jumps over the lazy dog and then sleeps…");
}

TEST(Title, ChineseIsCutAtACharacter) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "字";
  std::string expected;
  for (int i = 0; i < 59; ++i) expected += "字";
  EXPECT_EQ(title_from(text), expected + "…");
}

TEST(Title, SixtyCharactersAreNotCut) {
  EXPECT_EQ(title_from(std::string(60, 'x')), std::string(60, 'x'));
  EXPECT_EQ(title_from(std::string(61, 'x')), std::string(59, 'x') + "…");
}

UserId user(std::uint8_t number) {
  UserId id;
  id.bytes[0] = number;
  return id;
}

TEST(Admission, AUserHasSixPlacesAndGetsThemBack) {
  Admission admission{ServiceLimits{}};
  std::vector<Admission::Ticket> tickets;
  for (int i = 0; i < 6; ++i) tickets.push_back(*admission.enter(user(1)));
  EXPECT_EQ(admission.enter(user(1)).error().code, ErrorCode::busy);
  EXPECT_TRUE(admission.enter(user(2)).has_value());
  tickets.pop_back();
  EXPECT_TRUE(admission.enter(user(1)).has_value());
  tickets.clear();
  EXPECT_EQ(admission.live(), 0);
}

TEST(Admission, EverybodyTogetherHasACap) {
  ServiceLimits limits;
  limits.live_total = 3;
  Admission admission{limits};
  std::vector<Admission::Ticket> tickets;
  for (std::uint8_t i = 0; i < 3; ++i) tickets.push_back(*admission.enter(user(i)));
  EXPECT_EQ(admission.enter(user(9)).error().code, ErrorCode::busy);
}

TEST(Admission, ATicketMovedIsGivenBackOnce) {
  Admission admission{ServiceLimits{}};
  Admission::Ticket a = *admission.enter(user(1));
  Admission::Ticket b = std::move(a);
  a = {};
  EXPECT_EQ(admission.live(), 1);
  b = {};
  EXPECT_EQ(admission.live(), 0);
}

TEST(Admission, ClosedItLetsNobodyIn) {
  Admission admission{ServiceLimits{}};
  admission.close();
  EXPECT_EQ(admission.enter(user(1)).error().code, ErrorCode::shutting_down);
}

}  // namespace
}  // namespace hearth::server

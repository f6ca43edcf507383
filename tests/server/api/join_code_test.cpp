#include "server/api/join_code.h"

#include <gtest/gtest.h>

#include "server/api/cookies.h"
#include "server/session/crypto.h"
#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::FakeClock;
using Verdict = JoinCode::Verdict;

TEST(JoinCode, IsReadAsPeopleTypeIt) {
  FakeClock clock;
  JoinCode code("K7MX-4QRT", clock.clock());
  for (const char* typed : {"K7MX-4QRT", "k7mx4qrt", "K7MX 4QRT"})
    EXPECT_EQ(code.check(typed, "10.0.0.1"), Verdict::right) << typed;
  for (const char* typed : {"", "K7MX-4QRS", "K7MX", "K7MX-4QRT-K7MX"})
    EXPECT_EQ(code.check(typed, "10.0.0.1"), Verdict::wrong) << typed;
}

TEST(JoinCode, GuessingIsSlowAndLocksNobodyElseOut) {
  FakeClock clock;
  JoinCode code("K7MX-4QRT", clock.clock());
  for (int i = 0; i < 40; ++i) EXPECT_EQ(code.check("wrong", "10.0.0.1"), Verdict::wrong);
  EXPECT_EQ(code.check("wrong", "10.0.0.1"), Verdict::too_many_tries);
  EXPECT_EQ(code.check("K7MX-4QRT", "10.0.0.1"), Verdict::too_many_tries)
      << "an answer would tell the guesser something";
  EXPECT_EQ(code.check("K7MX-4QRT", "10.0.0.2"), Verdict::right);
  clock.advance(Milliseconds(2000));
  EXPECT_EQ(code.check("K7MX-4QRT", "10.0.0.1"), Verdict::right);
}

// A guesser with many addresses once let go of everybody's brake, their first one's as well.
TEST(JoinCode, ManyAddressesLetGoOfNobodysBrake) {
  FakeClock clock;
  JoinCode code("K7MX-4QRT", clock.clock());
  int num_tries = 0;
  for (int i = 0; i < 5'000; ++i) {
    const std::string other = "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    EXPECT_EQ(code.check("wrong", other), Verdict::wrong);
    clock.advance(Milliseconds(1));
    if (code.check("wrong", "10.0.0.1") == Verdict::wrong) ++num_tries;
  }
  EXPECT_GE(num_tries, 40);
  EXPECT_LE(num_tries, 40 + 3) << "at once, then one every two seconds";
}

TEST(JoinCode, NewOnesDifferAndAvoidLookAlikes) {
  const std::string one = make_join_code(system_random());
  EXPECT_EQ(one.size(), 9U);
  EXPECT_EQ(one[4], '-');
  EXPECT_EQ(one.find_first_of("01OI"), std::string::npos);
  EXPECT_NE(one, make_join_code(system_random()));
}

HttpRequest with(const std::string& name, const std::string& value) {
  HttpRequest request;
  request.headers = {{name, value}};
  return request;
}

TEST(Cookies, AreFoundByTheirWholeName) {
  EXPECT_EQ(cookie_value(with("cookie", "a=1; hearth_8080=secret; b=2"), "hearth_8080"), "secret");
  EXPECT_EQ(cookie_value(with("cookie", "hearth_80=x;hearth_8080=y"), "hearth_80"), "x");
  EXPECT_FALSE(cookie_value(with("cookie", "xhearth_8080=secret"), "hearth_8080"));
  EXPECT_FALSE(cookie_value(with("cookie", "hearth_8080"), "hearth_8080"));
}

TEST(Cookies, OfAnIdentityAreOutOfReachOfScripts) {
  const std::string cookie = identity_cookie(cookie_name(8080), "secret");
  EXPECT_TRUE(cookie.starts_with("hearth_8080=secret; HttpOnly; SameSite=Strict; Path=/"));
}

TEST(Bearer, IsReadInAnyCase) {
  EXPECT_EQ(bearer_token(with("authorization", "Bearer abc")), "abc");
  EXPECT_EQ(bearer_token(with("authorization", "bearer abc")), "abc");
  for (const char* value : {"Basic abc", "Bearer", "Bearer ", "abc"})
    EXPECT_FALSE(bearer_token(with("authorization", value))) << value;
}

}  // namespace
}  // namespace hearth::server

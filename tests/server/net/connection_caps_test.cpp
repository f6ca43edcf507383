// Caps on sockets: in all, of one address, and how fast one address may open them.
#include "server/net/connection_caps.h"

#include <vector>

#include <gtest/gtest.h>

namespace hearth::server {
namespace {

using Permit = std::unique_ptr<ConnectionCaps::Permit>;

class CapsTest : public ::testing::Test {
 protected:
  ConnectionCaps caps(std::size_t total, std::size_t per_address, double per_s) {
    NetLimits limits;
    limits.connections = total;
    limits.connections_per_address = per_address;
    limits.connections_per_s = per_s;
    return ConnectionCaps(limits, {[this] { return now_; }, [] { return 0; }});
  }
  Instant now_{std::chrono::hours(1)};
};

TEST_F(CapsTest, OneAddressMayHaveSoManyAndOthersAreNotTouched) {
  ConnectionCaps caps = this->caps(100, 3, 1000);
  std::vector<Permit> open;
  for (int i = 0; i < 3; ++i) {
    open.push_back(caps.enter("10.0.0.1"));
    EXPECT_TRUE(open.back());
  }
  EXPECT_FALSE(caps.enter("10.0.0.1"));
  EXPECT_TRUE(caps.enter("10.0.0.2"));
  open.pop_back();
  now_ += Milliseconds(1);
  EXPECT_TRUE(caps.enter("10.0.0.1"));
}

TEST_F(CapsTest, ThisMachineHasNoCapOfItsOwnButTheOneOfAll) {
  ConnectionCaps caps = this->caps(5, 1, 1);
  std::vector<Permit> open;
  for (int i = 0; i < 5; ++i) open.push_back(caps.enter(i % 2 == 0 ? "127.0.0.1" : "::1"));
  for (const Permit& permit : open) EXPECT_TRUE(permit);
  EXPECT_FALSE(caps.enter("127.0.0.1"));
  EXPECT_EQ(caps.open(), 5U);
}

TEST_F(CapsTest, AnAddressOpensAsManyAtOnceAsItMayHaveThenSoManyASecond) {
  ConnectionCaps caps = this->caps(100, 4, 2);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(caps.enter("10.0.0.1"));  // and closes each at once
  EXPECT_FALSE(caps.enter("10.0.0.1"));
  EXPECT_FALSE(caps.enter("10.0.0.1")) << "a refusal costs nothing, but gives nothing either";
  now_ += Milliseconds(499);
  EXPECT_FALSE(caps.enter("10.0.0.1"));
  now_ += Milliseconds(2);
  EXPECT_TRUE(caps.enter("10.0.0.1"));
  EXPECT_FALSE(caps.enter("10.0.0.1"));
  EXPECT_TRUE(caps.enter("10.0.0.2"));
}

// An attacker has more addresses than a server has memory.
TEST_F(CapsTest, AddressesAreForgottenButNeverThoseThatHaveSomethingOpen) {
  ConnectionCaps caps = this->caps(100, 1, 1);
  const Permit held = caps.enter("10.0.0.1");
  for (int i = 0; i < 10'000; ++i) {
    now_ += Milliseconds(1);
    EXPECT_TRUE(caps.enter("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250)));
  }
  EXPECT_FALSE(caps.enter("10.0.0.1"));
}

TEST(AddressGroup, IsAHomeOfIPv6AndAnAddressOfIPv4) {
  EXPECT_EQ(address_group("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(address_group("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(address_group("2001:db8:1:2::9"), "2001:db8:1:2::/64");
  EXPECT_NE(address_group("2001:db8:1:3::9"), address_group("2001:db8:1:2::9"));
  EXPECT_EQ(address_group("::1"), "::1");
  EXPECT_EQ(address_group("127.0.0.1"), "127.0.0.1");
}

TEST(ConnectionsAllowed, AreNeverMoreThanWasAsked) {
  EXPECT_EQ(connections_allowed(7), 7U);
  EXPECT_LT(connections_allowed(std::size_t{1} << 40U), std::size_t{1} << 40U);
}

}  // namespace
}  // namespace hearth::server

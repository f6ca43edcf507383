#include "server/net/origin_check.h"

#include <gtest/gtest.h>

namespace hearth::server {
namespace {

const std::vector<std::string> kNone;

TEST(HostCheck, AddressesLocalhostAndTheMachinesNamesAreAllowed) {
  for (const char* host :
       {"127.0.0.1", "127.0.0.1:8080", "192.168.1.20:8080", "[::1]", "[fe80::1]:8080", "localhost",
        "LOCALHOST:8080", "classroom", "Classroom.local:8080"}) {
    EXPECT_TRUE(is_host_allowed(host, "classroom", kNone)) << host;
  }
}

TEST(HostCheck, NamesThatSomebodyElseCanPointHereAreNot) {
  for (const char* host :
       {"evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example",
        "classroom.evil", "classroom.local.evil", "2130706433", "0x7f.1", "127.1", "localhost.",
        "::1", "[evil.example]", "[::1", "127.0.0.1:80x", "127.0.0.1:", "", ":8080",
        "127.0.0.1:123456", "a@127.0.0.1"}) {
    EXPECT_FALSE(is_host_allowed(host, "classroom", kNone)) << host;
  }
}

TEST(HostCheck, AllowedNamesAreWhole) {
  const std::vector<std::string> allowed = {"hearth.test"};
  EXPECT_TRUE(is_host_allowed("hearth.test:8080", "", allowed));
  EXPECT_TRUE(is_host_allowed("Hearth.Test", "", allowed));
  EXPECT_FALSE(is_host_allowed("sub.hearth.test", "", allowed));
  EXPECT_FALSE(is_host_allowed("hearth.test.evil", "", allowed));
}

TEST(OriginCheck, IsTheSameOnlyWithSchemeHostAndPort) {
  const std::string host = "192.168.1.20:8080";
  EXPECT_EQ(judge_origin("http://192.168.1.20:8080", host, kNone), Origin::same);
  EXPECT_EQ(judge_origin(std::nullopt, host, kNone), Origin::absent);
  for (const char* origin :
       {"null", "", "http://192.168.1.20", "http://192.168.1.20:8081", "https://192.168.1.20:8080",
        "http://evil.example", "http://192.168.1.20:8080.evil.example",
        "http://evil.example/http://192.168.1.20:8080", "192.168.1.20:8080", "file://",
        "chrome-extension://abcdef"}) {
    EXPECT_EQ(judge_origin(origin, host, kNone), Origin::foreign) << origin;
  }
}

TEST(OriginCheck, TheDefaultPortMayBeLeftOut) {
  EXPECT_EQ(judge_origin("http://hearth.test", "hearth.test:80", kNone), Origin::same);
  EXPECT_EQ(judge_origin("http://hearth.test:80", "Hearth.test", kNone), Origin::same);
}

TEST(OriginCheck, ListedOriginsAreWholeAndNullIsNeverListed) {
  const std::vector<std::string> allowed = {"https://school.example"};
  EXPECT_EQ(judge_origin("https://school.example", "127.0.0.1", allowed), Origin::listed);
  EXPECT_EQ(judge_origin("http://school.example", "127.0.0.1", allowed), Origin::foreign);
  EXPECT_EQ(judge_origin("https://school.example.evil", "127.0.0.1", allowed), Origin::foreign);
  const std::vector<std::string> all = {"*"};
  EXPECT_EQ(judge_origin("http://anything.example", "127.0.0.1", all), Origin::listed);
  EXPECT_EQ(judge_origin("null", "127.0.0.1", all), Origin::foreign);
}

TEST(Loopback, IsWhatOnlyThisMachineCanReach) {
  for (const char* address : {"127.0.0.1", "127.8.9.10", "::1", "localhost", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback(address)) << address;
  for (const char* address : {"0.0.0.0", "::", "192.168.1.20", "127.evil.example", "128.0.0.1"})
    EXPECT_FALSE(is_loopback(address)) << address;
}

}  // namespace
}  // namespace hearth::server

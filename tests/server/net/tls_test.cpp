// The certificate that is made, and what is refused of those that are given. The handshakes
// themselves are tried with other people's clients: tests/e2e/tls.test.js.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/server/net/support/test_server.h"

namespace hearth::server {
namespace {

using testing::get;
using testing::RawClient;
using testing::Reply;
using testing::TestServer;
using testing::TestServerOptions;

class CertificateTest : public ::testing::Test {
 protected:
  CertificateTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("hearth-tls-" + std::to_string(::getpid()))) {}
  ~CertificateTest() override { std::filesystem::remove_all(folder_); }
  std::string refusal(const std::filesystem::path& chain, const std::filesystem::path& key) {
    const auto read = read_certificate(chain, key);
    return read ? "" : read.error().detail;
  }
  std::filesystem::path folder_;
};

TEST_F(CertificateTest, IsMadeOnceAndKeptWithItsFingerprint) {
  const auto first = own_certificate(folder_, {"localhost", "127.0.0.1"});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->fingerprint.size(), 95U);
  const auto second = own_certificate(folder_, {"another.local"});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->fingerprint, first->fingerprint);
  EXPECT_EQ(std::filesystem::status(folder_ / "key.pem").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(CertificateTest, IsMadeAnewWhenWhatIsThereIsBroken) {
  const auto first = own_certificate(folder_, {"localhost"});
  std::ofstream(folder_ / "key.pem") << "half a key";
  const auto second = own_certificate(folder_, {"localhost"});
  ASSERT_TRUE(second);
  EXPECT_NE(second->fingerprint, first->fingerprint);
  EXPECT_EQ(own_certificate(folder_, {"localhost"})->fingerprint, second->fingerprint);
}

TEST_F(CertificateTest, WithoutAFolderIsKeptNowhere) {
  const auto first = own_certificate({}, {"localhost"});
  const auto second = own_certificate({}, {"localhost"});
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_NE(first->fingerprint, second->fingerprint);
  EXPECT_FALSE(std::filesystem::exists("cert.pem"));
}

TEST_F(CertificateTest, NamesThatNoCertificateCanHoldAreLeftOut) {
  EXPECT_TRUE(own_certificate({}, {"localhost", "a b", "x,DNS:evil", "", "täst"}));
}

TEST_F(CertificateTest, WhatIsWrongWithAGivenOneIsOneSentence) {
  own_certificate(folder_, {"localhost"});
  own_certificate(folder_ / "other", {"localhost"});
  const auto chain = folder_ / "cert.pem";
  const auto key = folder_ / "key.pem";
  EXPECT_EQ(refusal(chain, key), "");
  EXPECT_EQ(refusal(folder_ / "none.pem", key),
            (folder_ / "none.pem").string() + " cannot be read.");
  EXPECT_EQ(refusal(key, key), key.string() + " holds no certificate in PEM.");
  EXPECT_EQ(refusal(chain, chain),
            chain.string() + " holds no private key in PEM without a password.");
  EXPECT_EQ(
      refusal(chain, folder_ / "other" / "key.pem"),
      (folder_ / "other" / "key.pem").string() + " is not the key of " + chain.string() + ".");
}

TestServerOptions with_tls() {
  TestServerOptions options;
  options.certificate = *own_certificate({}, {"127.0.0.1"});
  options.gate.is_tls = true;
  return options;
}

TEST(TlsPort, SendsABrowserThatSpeaksPlainHttpToItsOwnAddress) {
  TestServer server(with_tls());
  RawClient client(server.port());
  const Reply reply = client.ask(get("/x?y=1", {"Host: localhost:1"}));
  EXPECT_EQ(reply.status, 308);
  EXPECT_EQ(reply.headers.at("location"), "https://localhost:1/x?y=1");
  EXPECT_FALSE(reply.headers.contains("strict-transport-security"));
  EXPECT_TRUE(client.is_closed_by_server());
  EXPECT_EQ(server.ask(testing::post("/v1/completions", "{}")).status, 400);
  EXPECT_EQ(server.ask(testing::upgrade()).status, 400);
}

TEST(TlsPort, CutsAHandshakeThatDripsOrIsRubbish) {
  TestServerOptions options = with_tls();
  options.net.tls_handshake = Milliseconds(30);
  TestServer server(options);
  for (const std::string& bytes : {std::string(), std::string("\x16"), std::string("\x16\x03\x01"),
                                   std::string("\x16\x03\x01\x00\x05hello", 10)}) {
    RawClient client(server.port());
    client.send(bytes);
    EXPECT_TRUE(client.is_closed_by_server());
  }
}

}  // namespace
}  // namespace hearth::server

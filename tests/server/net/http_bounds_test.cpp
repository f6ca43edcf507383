// HTTP over real sockets: framing, bounds, deadlines.
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/server/net/support/test_server.h"

namespace hearth::server {
namespace {

using nlohmann::json;
using testing::get;
using testing::post;
using testing::RawClient;
using testing::Reply;
using testing::TestServer;
using testing::TestServerOptions;

constexpr Milliseconds kSoon{
    50};  // a deadline that a test waits for at the socket, not with a sleep

std::string many(std::size_t n) { return std::string(n, 'a'); }

// --- bounds of the head (R-25)

TEST(HttpHead, MayHave8KiBAnd64Fields) {
  TestServer server;
  EXPECT_EQ(server.ask(get("/healthz", {"X-Long: " + many(7000)})).status, 200);
  const Reply long_one = server.ask(get("/healthz", {"X-Long: " + many(9000)}));
  EXPECT_EQ(long_one.status, 431);
  EXPECT_EQ(json::parse(long_one.body)["code"], "message_too_large");
  std::vector<std::string> fields(63, "X: 1");
  EXPECT_EQ(server.ask(get("/healthz", fields)).status, 200);  // and Host
  fields.push_back("X: 1");
  EXPECT_EQ(server.ask(get("/healthz", fields)).status, 431);
}

TEST(HttpHead, ThatNeverEndsIsRefusedAtTheBound) {
  TestServer server;
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n");
  for (int i = 0; i < 40; ++i) client.send("X-More: " + many(1000) + "\r\n");
  EXPECT_EQ(client.read().status, 431);
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST(HttpHead, ThatIsNotHttpIsRefused) {
  TestServer server;
  for (const std::string bytes :
       {"GET / HTTP/1.1\nHost: localhost\n\n\r\n\r\n", "\x16\x03\x01\x02garbage\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nbad header\r\n\r\n",
        "GET / HTTP/1.1\r\n: x\r\n\r\n"}) {
    RawClient client(server.port());
    const int status = client.ask(bytes).status;
    EXPECT_TRUE(status == 400 || status == 505) << bytes << status;
    EXPECT_TRUE(client.is_closed_by_server());
  }
}

// R-16: a thousand mutilated requests, and the server is as before.
TEST(HttpHead, MutilatedRequestsHarmNobody) {
  TestServerOptions options;
  options.net.header_within = options.net.body_within = options.net.linger = kSoon;
  options.net.idle = std::chrono::hours(1);  // `quiet` waits as long as a slow machine takes
  TestServer server(options);
  RawClient quiet(server.port());
  EXPECT_EQ(quiet.ask(get("/healthz")).status, 200);
  const std::string whole =
      post("/v1/chat/completions", R"({"messages": [{"role": "user", "content": "hi"}], "n": 7})",
           {"Connection: close"});
  std::mt19937 random(7);
  for (int round = 0; round < 1000; ++round) {
    std::string request = whole;
    for (int edits = 1 + static_cast<int>(random() % 3); edits > 0; --edits) {
      const std::size_t at = random() % request.size();
      if (random() % 2 == 0) {
        request[at] = static_cast<char>(random() % 256);
      } else {
        request.erase(at, 1 + random() % 8);
      }
    }
    RawClient client(server.port());
    client.send(request);
    ::shutdown(client.socket(), SHUT_WR);
    const int status = client.read().status;
    ASSERT_TRUE(status == 0 || status >= 400) << status << "\n" << request;
  }
  EXPECT_EQ(quiet.ask(get("/healthz")).status, 200);
}

// --- deadlines (R-24)

TEST(HttpDeadline, ASocketThatSaysNothingIsClosed) {
  TestServerOptions options;
  options.net.header_within = kSoon;
  TestServer server(options);
  RawClient client(server.port());
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST(HttpDeadline, AHeadThatDripsIsClosed) {
  TestServerOptions options;
  options.net.header_within = kSoon;
  TestServer server(options);
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: loc");
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST(HttpDeadline, ABodyThatNeverComesIsClosed) {
  TestServerOptions options;
  options.net.body_within = kSoon;
  TestServer server(options);
  RawClient client(server.port());
  client.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST(HttpDeadline, AnIdleConnectionIsClosed) {
  TestServerOptions options;
  options.net.idle = kSoon;
  TestServer server(options);
  RawClient client(server.port());
  EXPECT_EQ(client.ask(get("/healthz")).status, 200);
  EXPECT_TRUE(client.is_closed_by_server());
}

// A second more for each KiB: who sends steadily is not cut.
TEST(HttpDeadline, ABodyThatComesSteadilyEarnsItsTime) {
  TestServerOptions options;
  options.net.body_within = Milliseconds(0);
  options.net.body_bytes_per_s = 1;
  TestServer server(options);
  const std::string request =
      post("/v1/chat/completions", R"({"messages": 1})" + std::string(100'000, ' '));
  RawClient client(server.port());
  client.send(request.substr(0, 1000));  // one packet: head and some 800 bytes, 800 seconds
  server.on_loop([] {});
  EXPECT_EQ(client.ask(request.substr(1000)).status, 400);
}

// --- bodies (R-26, R-27)

TEST(HttpBody, AboveItsBoundIsRefusedUnread) {
  TestServer server;
  RawClient client(server.port());
  client.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nContent-Length: 1048577\r\n\r\n");
  const Reply reply = client.read();  // not a byte of the body was sent
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(json::parse(reply.body)["error"]["code"], "message_too_large");
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST(HttpBody, MayBeChunkedUpToItsBound) {
  TestServer server;
  const std::string head =
      "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(server.ask(head + "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n").status, 200);
  EXPECT_EQ(server.ask(head + "1400\r\n" + many(0x1400) + "\r\n0\r\n\r\n").status, 413);
}

TEST(HttpBody, ChunkExtensionsAndTrailersCountAsBytes) {
  TestServer server;
  const std::string head =
      "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  RawClient extensions(server.port());
  extensions.send(head + "1;");
  for (int i = 0; i < 64; ++i) extensions.send(many(1024));
  EXPECT_TRUE(extensions.is_closed_by_server());
  RawClient trailers(server.port());
  trailers.send(head + "2\r\n{}\r\n0\r\n");
  for (int i = 0; i < 64; ++i) trailers.send("X-Trailer: " + many(1000) + "\r\n");
  EXPECT_TRUE(trailers.is_closed_by_server());
  EXPECT_EQ(server.ask(get("/healthz")).status, 200);
}

TEST(HttpBody, IsJsonPlainAndExpected) {
  TestServer server;
  const auto status = [&](const std::string& fields) {
    return server
        .ask("POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\n" + fields +
             "Content-Length: 2\r\n\r\n{}")
        .status;
  };
  EXPECT_EQ(status("Content-Type: application/json; charset=utf-8\r\n"), 200);
  EXPECT_EQ(status("Content-Type: text/plain\r\n"), 415);
  EXPECT_EQ(status(""), 415);
  EXPECT_EQ(status("Content-Type: application/json\r\nContent-Encoding: gzip\r\n"), 415);
  EXPECT_EQ(
      server.ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx").status,
      413);
}

TEST(HttpBody, ExpectationsAreAnswered) {
  TestServer server;
  RawClient client(server.port());
  client.send(
      "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.take_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.ask("{}").status, 200);
}

// P4: whatever clients send, so many bodies above a mebibyte are in memory at once.
TEST(HttpBody, OnlyAFewLargeOnesAreReadAtOnceAndSmallOnesAlways) {
  TestServer server;
  const auto begin = [&](RawClient& client, std::size_t bytes) {
    client.send(
        "POST /api/v1/import HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Expect: 100-continue\r\nContent-Length: " +
        std::to_string(bytes) + "\r\n\r\n");
    return client.take_until("\r\n").value_or("");
  };
  constexpr std::size_t kLarge = 1024 * 1024 + 1;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    EXPECT_EQ(begin(*clients.back(), kLarge), "HTTP/1.1 100 Continue\r\n") << i;
  }
  RawClient late(server.port());
  EXPECT_EQ(begin(late, kLarge).substr(9, 3), "429");
  RawClient small(server.port());
  EXPECT_EQ(begin(small, kLarge - 1), "HTTP/1.1 100 Continue\r\n");
  clients.pop_back();  // the server hears of it a little later
  std::string answer;
  while (answer != "HTTP/1.1 100 Continue\r\n") {
    RawClient next(server.port());
    answer = begin(next, kLarge);
    ASSERT_FALSE(answer.empty());
  }
}

// --- smuggling (R-28): whoever could be read in two ways is refused and cut

TEST(Smuggling, AmbiguousFramingIsRefusedAndTheConnectionEnds) {
  TestServer server;
  const std::string start =
      "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  const std::string hidden = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const std::string fields :
       {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n", "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 2, 2\r\n", "Content-Length: +2\r\n", "Content-Length: -2\r\n",
        "Content-Length: 0x2\r\n", "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n", "Content-Length : 2\r\n",
        "Host: evil.example\r\nContent-Length: 2\r\n"}) {
    RawClient client(server.port());
    client.send(start + fields + "\r\n{}" + hidden);
    EXPECT_EQ(client.read().status, 400) << fields;
    EXPECT_EQ(client.read().status, 0) << fields;  // the hidden request was not answered
  }
}

TEST(Smuggling, Http10AndMissingHosts) {
  TestServer server;
  EXPECT_EQ(server.ask("GET /healthz HTTP/1.1\r\n\r\n").status, 400);
  EXPECT_EQ(server
                .ask("POST /api/v1/session HTTP/1.0\r\nHost: localhost\r\nContent-Type: "
                     "application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                .status,
            400);
  RawClient old(server.port());
  EXPECT_EQ(old.ask("GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n").headers.at("connection"),
            "close");
  EXPECT_TRUE(old.is_closed_by_server());
}

}  // namespace
}  // namespace hearth::server

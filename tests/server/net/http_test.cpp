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

TEST(Http, ServesThePageFromMemoryWithItsPolicy) {
  TestServer server;
  const Reply page = server.ask(get("/"));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("Page of the tests"), std::string::npos);
  EXPECT_TRUE(page.headers.at("content-security-policy")
                  .starts_with("default-src 'none'; script-src 'self'"));
  EXPECT_EQ(page.headers.at("x-content-type-options"), "nosniff");
  EXPECT_EQ(page.headers.at("referrer-policy"), "no-referrer");
  EXPECT_EQ(page.headers.at("cache-control"), "no-cache");
  EXPECT_FALSE(page.headers.contains("set-cookie"));
  EXPECT_FALSE(page.headers.contains("server"));
}

TEST(Http, HashedFilesAreKeptForEverAndCompressedWhereAsked) {
  TestServer server;
  const Reply plain = server.ask(get("/assets/app-AB12CD34.js"));
  EXPECT_EQ(plain.headers.at("cache-control"), "public, max-age=31536000, immutable");
  EXPECT_FALSE(plain.headers.contains("content-encoding"));
  const Reply packed = server.ask(get("/assets/app-AB12CD34.js", {"Accept-Encoding: br, gzip"}));
  EXPECT_EQ(packed.headers.at("content-encoding"), "gzip");
  EXPECT_LT(packed.body.size(), plain.body.size());
  EXPECT_EQ(packed.body.substr(0, 2), "\x1f\x8b");
  EXPECT_FALSE(server.ask(get("/assets/app-AB12CD34.js", {"Accept-Encoding: gzip;q=0"}))
                   .headers.contains("content-encoding"));
}

TEST(Http, AnUnchangedFileIsNotSentAgain) {
  TestServer server;
  const std::string tag = server.ask(get("/")).headers.at("etag");
  const Reply again = server.ask(get("/", {"If-None-Match: \"other\", " + tag}));
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(server.ask(get("/", {"If-None-Match: \"other\""})).status, 200);
}

TEST(Http, HeadIsGetWithoutTheBody) {
  TestServer server;
  RawClient client(server.port());
  const Reply head = client.ask("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", true);
  EXPECT_EQ(head.status, 200);
  const Reply whole = client.ask(get("/"));  // the same connection: nothing of a body lay between
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(whole.body.size()));
}

TEST(Http, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  TestServer server;
  RawClient client(server.port());
  client.send(get("/healthz") + get("/nothing") + get("/readyz"));
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().status, 404);
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.ask(get("/healthz", {"Connection: close"})).headers.at("connection"), "close");
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST(Http, EveryAnswerHasItsOwnRequestId) {
  TestServer server;
  const std::string one = server.ask(get("/healthz")).headers.at("x-request-id");
  const std::string two = server.ask(get("/nothing")).headers.at("x-request-id");
  EXPECT_EQ(one.size(), 16U);
  EXPECT_NE(one, two);
}

TEST(Http, ErrorsSpeakTheLanguageOfTheirRoute) {
  TestServer server;
  const json problem = json::parse(server.ask(get("/nothing")).body);
  EXPECT_EQ(problem["code"], "not_found");
  EXPECT_EQ(problem["status"], 404);
  const json openai = json::parse(server.ask(get("/v1/nothing")).body);
  EXPECT_EQ(openai["error"]["code"], "not_found");
  EXPECT_EQ(openai["error"]["type"], "not_found_error");
}

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

// --- who may ask

TEST(HttpGate, HostsThatCanBeReboundAreRefusedEverywhere) {
  TestServer server;
  for (const std::string path :
       {"/", "/healthz", "/assets/app-AB12CD34.js", "/v1/models", "/ws", "/nothing"}) {
    EXPECT_EQ(server.ask(get(path, {"Host: rebound.example"})).status, 421) << path;
  }
}

TEST(HttpGate, OtherOriginsMayNotChangeAnything) {
  TestServer server;
  EXPECT_EQ(server.ask(post("/api/v1/session", "{}", {"Origin: http://127.0.0.1"})).status, 200);
  EXPECT_EQ(server.ask(post("/api/v1/session", "{}", {"Origin: http://evil.example"})).status, 403);
  EXPECT_EQ(server.ask(post("/api/v1/session", "{}", {"Origin: null"})).status, 403);
  EXPECT_EQ(server.ask(post("/api/v1/session", "{}", {"Sec-Fetch-Site: cross-site"})).status, 403);
  const std::string cookie = server.new_cookie();
  EXPECT_EQ(server.ask(post("/api/v1/session", "{}", {cookie})).status, 403)
      << "a cookie, and nobody says whose page it is";
  EXPECT_EQ(
      server.ask(post("/api/v1/session", "{}", {cookie, "Sec-Fetch-Site: same-origin"})).status,
      200);
  EXPECT_EQ(server.ask(post("/v1/chat/completions", "{}", {"Origin: http://evil.example"})).status,
            403);
}

TEST(HttpGate, CorsIsOnlyForListedOrigins) {
  TestServer closed;
  EXPECT_FALSE(closed.ask(get("/v1/models", {"Origin: https://school.example"}))
                   .headers.contains("access-control-allow-origin"));
  TestServerOptions options;
  options.gate.allow_origins = {"https://school.example"};
  TestServer server(options);
  EXPECT_EQ(server.ask(get("/v1/models", {"Origin: https://school.example"}))
                .headers.at("access-control-allow-origin"),
            "https://school.example");
  const Reply preflight = server.ask(
      "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: "
      "https://school.example\r\n\r\n");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.headers.at("access-control-allow-methods"), "POST");
}

TEST(HttpGate, KeysInTheAddressAreRefused) {
  TestServer server;
  EXPECT_EQ(server.ask(get("/v1/models?token=abc")).status, 400);
  EXPECT_EQ(server.ask(get("/v1/models?a=1&key=abc")).status, 400);
  EXPECT_EQ(server.ask(get("/v1/models?keys=abc")).status, 200);
}

// --- streams

TEST(HttpStream, IsChunkedAndKeepsTheConnection) {
  TestServer server;
  RawClient client(server.port());
  client.send(post("/v1/chat/completions",
                   R"({"messages": [{"role": "user", "content": "hi"}], "stream": true})"));
  const engine::RequestId id = server.wait_for_request(1);
  server.write(id, "Hello");
  server.finish(id, engine::FinishReason::stop);
  const Reply reply = client.read();
  EXPECT_EQ(reply.headers.at("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(reply.headers.at("cache-control"), "no-cache");
  EXPECT_EQ(reply.headers.at("x-accel-buffering"), "no");
  EXPECT_TRUE(reply.body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(client.ask(get("/healthz")).status, 200);
}

TEST(HttpStream, AClientThatHangsUpCancelsItsReplyAtOnce) {
  TestServer server;
  std::size_t num_asked = 0;
  for (const char* const stream : {"true", "false"}) {
    RawClient client(server.port());
    client.send(
        post("/v1/chat/completions",
             std::string(R"({"messages": [{"role": "user", "content": "hi"}], "stream": )") +
                 stream + "}"));
    ++num_asked;
    server.wait_until([&] { return server.engine().order.size() == num_asked; });
    client.close();
    server.wait_until([&] { return server.generations().live() == 0; });
    EXPECT_TRUE(server.on_loop(
        [&] { return server.engine().requests.at(server.engine().order.back()).is_cancelled; }));
    EXPECT_EQ(server.on_loop([&] { return server.service().admission().live(); }), 0);
  }
}

// Its next request hid the hang-up once: the reply ran to its end for nobody.
TEST(HttpStream, AClientThatAsksAgainAndHangsUpIsNoticedToo) {
  TestServer server;
  RawClient client(server.port());
  const std::string ask =
      post("/v1/chat/completions", R"({"messages": [{"role": "user", "content": "hi"}]})");
  client.send(ask);
  server.wait_until([&] { return server.engine().order.size() == 1; });
  client.send(ask + ask.substr(0, 20));
  client.close();
  server.wait_until([&] { return server.generations().live() == 0; });
  EXPECT_TRUE(server.on_loop(
      [&] { return server.engine().requests.at(server.engine().order.front()).is_cancelled; }));
}

TEST(HttpStream, RequestsBehindOneThatTakesLongAreAnsweredInOrder) {
  TestServer server;
  RawClient client(server.port());
  client.send(post("/v1/chat/completions", R"({"messages": [{"role": "user", "content": "hi"}]})"));
  const engine::RequestId id = server.wait_for_request(1);
  const std::string ask = get("/healthz");
  client.send(ask.substr(0, 10));
  server.write(id, "Hello");
  client.send(ask.substr(10) + ask);
  server.finish(id, engine::FinishReason::stop);
  EXPECT_NE(client.read().body.find("Hello"), std::string::npos);
  EXPECT_EQ(client.read().body, R"({"status":"ok"})");
  EXPECT_EQ(client.read().body, R"({"status":"ok"})");
}

// The read that notices a hang-up would take the WebSocket's first bytes.
TEST(HttpStream, AnUpgradeBehindAnUnansweredRequestIsRefused) {
  TestServer server;
  RawClient client(server.port());
  client.send(post("/v1/chat/completions", R"({"messages": [{"role": "user", "content": "hi"}]})") +
              testing::upgrade());
  const engine::RequestId id = server.wait_for_request(1);
  server.write(id, "Hello");
  server.finish(id, engine::FinishReason::stop);
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().status, 400);
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST(HttpCaps, OneConnectionTooManyIsTold) {
  TestServerOptions options;
  options.net.connections = 2;
  TestServer server(options);
  RawClient one(server.port());
  RawClient two(server.port());
  EXPECT_EQ(one.ask(get("/healthz")).status, 200);
  EXPECT_EQ(two.ask(get("/healthz")).status, 200);
  const Reply refusal = server.ask(get("/healthz"));
  EXPECT_EQ(refusal.status, 503);
  EXPECT_EQ(refusal.headers.at("retry-after"), "1");
  EXPECT_TRUE(refusal.headers.contains("content-security-policy"));
  EXPECT_EQ(json::parse(refusal.body)["code"], "overloaded");
  one.close();
  server.wait_until([&] { return server.server().open_connections() == 1; });
  EXPECT_EQ(server.ask(get("/healthz")).status, 200);
}

TEST(HttpListen, APortInUseIsOneSentence) {
  TestServer server;
  const Result<std::uint16_t> second = server.listen_again();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::io_error);
  EXPECT_NE(second.error().detail.find(std::to_string(server.port())), std::string::npos);
}

}  // namespace
}  // namespace hearth::server

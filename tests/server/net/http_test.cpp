// HTTP over real sockets: what is served, who may ask, streams. http_bounds_test.cpp has what is
// refused.
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

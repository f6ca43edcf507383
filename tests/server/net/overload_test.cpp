// The overload ladder over real sockets: what is refused, how, and what goes on.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/server/net/support/test_server.h"

namespace hearth::server {
namespace {

using testing::get;
using testing::post;
using testing::RawClient;
using testing::Reply;
using testing::TestServer;
using testing::TestServerOptions;

constexpr const char* kChat = R"({"messages": [{"role": "user", "content": "hi"}]})";

TEST(OverloadNet, AtTheSecondStepNewRepliesGet429AndRunningOnesEnd) {
  TestServer server;
  RawClient early(server.port());
  early.send(post("/v1/chat/completions", kChat));
  const engine::RequestId id = server.wait_for_request(1);
  server.pin_memory(0.9);
  const Reply late = server.ask(post("/v1/chat/completions", kChat));
  EXPECT_EQ(late.status, 429);
  EXPECT_GE(std::stoi(late.headers.at("retry-after")), 1);
  EXPECT_EQ(server.on_loop([&] { return server.service().admission().live(); }), 1);
  EXPECT_EQ(server.on_loop([&] { return server.engine().order.size(); }), 1U);
  EXPECT_EQ(server.ask(get("/healthz")).status, 200);
  server.write(id, "Hello");
  server.finish(id, engine::FinishReason::stop);
  EXPECT_NE(early.read().body.find("Hello"), std::string::npos);
}

TEST(OverloadNet, AtTheThirdStepNewConnectionsGet503AndOpenOnesAreServed) {
  TestServer server;
  RawClient open(server.port());
  EXPECT_EQ(open.ask(get("/healthz")).status, 200);
  server.pin_memory(0.96);
  const Reply refused = RawClient(server.port()).read();  // before it asked for anything
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.headers.contains("retry-after"));
  EXPECT_EQ(open.ask(get("/healthz")).status, 200);
  server.pin_memory(0.1);
  EXPECT_EQ(server.ask(get("/healthz")).status, 200);
}

TEST(OverloadNet, FromTheFirstStepNobodyNewComesInAndThoseWhoAreKnownDo) {
  TestServer server;
  const std::string cookie = server.new_cookie();
  server.pin_memory(0.75);
  const std::string own = "Origin: http://127.0.0.1";
  const Reply refused = server.ask(post("/api/v1/session", "{}", {own}));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("retry-after"), "5");
  EXPECT_EQ(nlohmann::json::parse(refused.body)["code"], "overloaded");
  EXPECT_FALSE(refused.headers.contains("set-cookie"));
  EXPECT_EQ(server.ask(post("/api/v1/session", "{}", {own, cookie})).status, 200);
}

TEST(OverloadNet, FromTheFirstStepIdleConnectionsWaitLess) {
  TestServerOptions options;
  options.net.idle = std::chrono::hours(1);
  options.net.idle_overloaded = Milliseconds(30);
  TestServer server(options);
  server.pin_memory(0.8);
  RawClient client(server.port());
  EXPECT_EQ(client.ask(get("/healthz")).status, 200);
  EXPECT_TRUE(client.is_closed_by_server());
}

}  // namespace
}  // namespace hearth::server

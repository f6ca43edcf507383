// The WebSocket end over real sockets: the upgrade's rules, frames, closing.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/server/net/support/test_server.h"

namespace hearth::server {
namespace {

using nlohmann::json;
using testing::frame;
using testing::RawClient;
using testing::read_close_code;
using testing::read_frame;
using testing::Reply;
using testing::TestServer;
using testing::TestServerOptions;
using testing::text_frame;
using testing::upgrade;
using testing::WsFrame;

constexpr const char* kHello = R"({"type": "hello"})";

json read_event(RawClient& client) {
  const WsFrame frame = read_frame(client);
  return frame.opcode == 1
             ? json::parse(frame.payload)
             : json{{"type", "none"}, {"opcode", frame.opcode}, {"close", frame.close_code()}};
}

json read_event_of_type(RawClient& client, const std::string& type) {
  for (;;) {
    json event = read_event(client);
    if (event["type"] == type || event["type"] == "none") return event;
  }
}

// A client that is ready. Loopback without an Origin: the user `local`.
struct Person {
  explicit Person(TestServer& server, std::vector<std::string> fields = {})
      : client(server.port()) {
    EXPECT_EQ(client.ask(upgrade(std::move(fields))).status, 101);
    client.send(text_frame(kHello));
    ready = read_event(client);
  }
  RawClient client;
  json ready;
};

// --- the upgrade (R-01, R-28)

TEST(Upgrade, SpeaksTheSubProtocolAskedForOrNone) {
  TestServer server;
  RawClient with(server.port());
  const Reply reply = with.ask(upgrade({"Sec-WebSocket-Protocol: hearth.chat.v1"}));
  EXPECT_EQ(reply.status, 101);
  EXPECT_NE(reply.raw_head.find("Sec-WebSocket-Protocol: hearth.chat.v1"), std::string::npos);
  EXPECT_EQ(reply.raw_head.find("Sec-WebSocket-Extensions"), std::string::npos);
  RawClient among(server.port());
  EXPECT_EQ(among.ask(upgrade({"Sec-WebSocket-Protocol: other.v2, hearth.chat.v1"})).status, 101);
  RawClient without(server.port());
  const Reply plain = without.ask(upgrade());
  EXPECT_EQ(plain.status, 101);
  EXPECT_EQ(plain.raw_head.find("Sec-WebSocket-Protocol"), std::string::npos);
  RawClient other(server.port());
  EXPECT_EQ(other.ask(upgrade({"Sec-WebSocket-Protocol: something.else"})).status, 400);
  EXPECT_TRUE(other.is_closed_by_server());
}

TEST(Upgrade, OffersNoCompression) {
  TestServer server;
  RawClient client(server.port());
  const Reply reply = client.ask(upgrade({"Sec-WebSocket-Extensions: permessage-deflate"}));
  EXPECT_EQ(reply.status, 101);
  EXPECT_EQ(reply.raw_head.find("permessage-deflate"), std::string::npos);
}

// Twelve origins by three kinds of credentials.
TEST(Upgrade, OnlyOwnPagesMayUseTheCookie) {
  TestServer server;
  const std::string cookie = server.new_cookie();
  const std::string same = "http://" + server.host();
  const auto status = [&](const std::string& origin, const std::string& credential) {
    std::vector<std::string> fields = {"Host: " + server.host()};
    if (!origin.empty()) fields.push_back("Origin: " + origin);
    if (!credential.empty()) fields.push_back(credential);
    RawClient client(server.port());
    return client.ask(upgrade(fields)).status;
  };
  for (const std::string& credential :
       {cookie, std::string("Authorization: Bearer x"), std::string()}) {
    EXPECT_EQ(status(same, credential), 101) << credential;
    for (const std::string origin :
         {"null", "http://evil.example", "https://evil.example", "http://127.0.0.1",
          "http://localhost:1", "https://127.0.0.1", "http://127.0.0.1.evil.example", "file://",
          "http://[::1]", "ws://127.0.0.1"}) {
      EXPECT_EQ(status(origin, credential), 403) << origin << " " << credential;
    }
  }
  EXPECT_EQ(status("", cookie), 403) << "a cookie, and nobody says whose page it is";
  EXPECT_EQ(status("", "Authorization: Bearer x"), 101);
  EXPECT_EQ(status("", ""), 101);
}

TEST(Upgrade, WithABodyOrBytesBehindItIsRefusedAndCut) {
  TestServer server;
  for (const std::string& request :
       {upgrade({"Content-Length: 0"}), upgrade({"Content-Length: 5"}) + "hello",
        upgrade({"Transfer-Encoding: chunked"}) + "0\r\n\r\n",
        upgrade() + "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"}) {
    RawClient client(server.port());
    EXPECT_EQ(client.ask(request).status, 400) << request;
    EXPECT_TRUE(client.is_closed_by_server());
  }
}

TEST(Upgrade, NeedsItsFields) {
  TestServer server;
  const auto status = [&](const std::vector<std::string>& fields) {
    return server.ask(testing::get("/ws", fields)).status;
  };
  EXPECT_EQ(status({}), 426);
  EXPECT_EQ(status({"Connection: Upgrade", "Upgrade: websocket"}), 400);
  EXPECT_EQ(status({"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 8",
                    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}),
            400);
  EXPECT_EQ(status({"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: short"}),
            400);
  EXPECT_EQ(server.ask(upgrade({}, "/")).status, 200)
      << "elsewhere an offer to upgrade is not taken";
}

// --- identity

TEST(WsIdentity, ThePageIsTheCookiesUserAndAProgramIsLocal) {
  TestServer server;
  const std::string cookie = server.new_cookie();
  Person page(server, {"Host: " + server.host(), "Origin: " + server.origin(), cookie});
  EXPECT_EQ(page.ready["user"]["kind"], "guest");
  Person program(server);
  EXPECT_EQ(program.ready["user"]["kind"], "local");
  EXPECT_NE(page.ready["user"]["id"], program.ready["user"]["id"]);
  Person again(server, {"Host: " + server.host(), "Origin: " + server.origin(), cookie});
  EXPECT_EQ(again.ready["user"]["id"], page.ready["user"]["id"]);
}

TEST(WsIdentity, APageWithoutAnIdentityIsSentToGetOne) {
  TestServer server;
  RawClient client(server.port());
  client.send(upgrade({"Host: " + server.host(), "Origin: " + server.origin()}));
  EXPECT_EQ(client.read().status, 101);
  client.send(text_frame(kHello));
  EXPECT_EQ(read_close_code(client), 4401);
}

// --- frames

TEST(WsFrames, BinaryClosesWith1003) {
  TestServer server;
  Person person(server);
  person.client.send(frame(2, "\x01\x02"));
  EXPECT_EQ(read_close_code(person.client), 1003);
}

TEST(WsFrames, TextThatIsNotUtf8ClosesWith1007) {
  TestServer server;
  Person person(server);
  person.client.send(text_frame("{\"type\": \"ping\", \"t\": \xff}"));
  EXPECT_EQ(read_close_code(person.client), 1007);
}

TEST(WsFrames, BeforeReady64KiBIsTheMost) {
  TestServer server;
  RawClient client(server.port());
  EXPECT_EQ(client.ask(upgrade()).status, 101);
  client.send(text_frame(std::string(64 * 1024 + 1, ' ')));
  EXPECT_EQ(read_close_code(client), 1009);
}

TEST(WsFrames, AfterReadyAMebibyteIsTheMost) {
  TestServer server;
  Person person(server);
  const std::string ping = R"({"type": "ping", "t": 1})";
  person.client.send(text_frame(ping + std::string(1024 * 1024 - ping.size(), ' ')));
  EXPECT_EQ(read_event_of_type(person.client, "pong")["t"], 1);
  person.client.send(text_frame(std::string(1024 * 1024 + 1, ' ')));
  EXPECT_EQ(read_close_code(person.client), 1009);
}

// A refused frame is still on its way when the server says why. If the server closed then, the
// client's next bytes would be answered with a reset, and the reason could be lost (it was: one
// client in eight).
TEST(WsFrames, WhatIsStillSentIsTakenSoThatTheReasonArrives) {
  TestServerOptions options;
  options.net.ws_handshake = Milliseconds(60'000);  // Beast's limit for the end as well
  TestServer server(options);
  Person person(server);
  EXPECT_TRUE(person.client.send(text_frame(std::string(16 * 1024 * 1024, ' '))));
  EXPECT_EQ(read_close_code(person.client), 1009);
  person.client.send_no_more();
  EXPECT_TRUE(person.client.ends_in_order());
}

// With a token `ready` comes later than the answer to `hello`; the long frame behind it was cut.
TEST(WsFrames, AfterAReadyThatTookItsTimeTheyMayBeLong) {
  TestServer server;
  const std::string cookie = server.new_cookie();
  const json hello = {{"type", "hello"}, {"token", cookie.substr(cookie.find('=') + 1)}};
  RawClient client(server.port());
  EXPECT_EQ(client.ask(upgrade()).status, 101);
  client.send(text_frame(hello.dump()));
  EXPECT_EQ(read_event(client)["type"], "ready");
  const std::string ping = R"({"type": "ping", "t": 1})";
  client.send(text_frame(ping + std::string(100'000, ' ')));
  EXPECT_EQ(read_event_of_type(client, "pong")["t"], 1);
}

TEST(WsFrames, FragmentsMakeOneMessageAndPingsAreAnsweredBetweenThem) {
  TestServer server;
  Person person(server);
  person.client.send(frame(1, R"({"type": "pi)", false) + frame(9, "in between") +
                     frame(0, R"(ng", "t": 7})"));
  const WsFrame pong = read_frame(person.client);
  EXPECT_EQ(pong.opcode, 10U);
  EXPECT_EQ(pong.payload, "in between");
  EXPECT_EQ(read_event_of_type(person.client, "pong")["t"], 7);
}

TEST(WsFrames, BreakingTheProtocolClosesWith1002) {
  TestServer server;
  for (const std::string& bytes :
       {frame(0, "continuation of nothing"), frame(3, "reserved opcode"),
        std::string("\x81\x05hello"), std::string("\xc1\x80\0\0\0\0", 6)}) {
    Person person(server);
    person.client.send(bytes);
    const int code = read_close_code(person.client);
    EXPECT_TRUE(code == 1002 || code == 0)
        << code;  // an unmasked or compressed frame may simply be cut
  }
}

TEST(WsClose, ThreeStrikesAre4400) {
  TestServer server;
  Person person(server);
  person.client.send(text_frame("{") + text_frame(R"({"type": "no.such", "id": "1"})") +
                     text_frame("[]"));
  EXPECT_EQ(read_event_of_type(person.client, "error")["error"]["code"], "invalid_json");
  EXPECT_EQ(read_event_of_type(person.client, "error")["error"]["code"], "unknown_type");
  EXPECT_EQ(read_close_code(person.client), 4400);
}

TEST(WsClose, NoHelloInTimeIs4408) {
  TestServerOptions options;
  options.limits.connection.hello_within = Milliseconds(30);
  TestServer server(options);
  RawClient client(server.port());
  EXPECT_EQ(client.ask(upgrade()).status, 101);
  EXPECT_EQ(read_close_code(client), 4408);
}

TEST(WsClose, APeerThatNeverAnswersTheCloseIsCut) {
  TestServerOptions options;
  options.limits.connection.hello_within = Milliseconds(30);
  options.net.ws_close = Milliseconds(30);
  TestServer server(options);
  RawClient client(server.port());
  EXPECT_EQ(client.ask(upgrade()).status, 101);
  EXPECT_EQ(read_close_code(client), 4408);
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST(WsClose, APeerThatIsSilentIsPingedThenCut) {
  TestServerOptions options;
  options.net.ws_idle = Milliseconds(100);
  TestServer server(options);
  RawClient client(server.port());
  EXPECT_EQ(client.ask(upgrade()).status, 101);
  bool was_pinged = false;
  WsFrame frame = read_frame(client);
  for (; frame.opcode != 0; frame = read_frame(client))
    was_pinged = was_pinged || frame.opcode == 9;
  EXPECT_TRUE(was_pinged);
  EXPECT_TRUE(client.is_closed_by_server());  // no pong came
}

TEST(WsClose, AClientThatSaysGoodbyeIsAnsweredAndForgottenEvenIfItStays) {
  TestServerOptions options;
  options.net.ws_close = Milliseconds(30);
  TestServer server(options);
  Person person(server);
  person.client.send(frame(8, std::string("\x03\xe8", 2)));
  EXPECT_EQ(read_close_code(person.client), 1000);
  EXPECT_TRUE(person.client.is_closed_by_server());
  server.wait_until([&] { return server.service().stats().connections == 0; });
}

TEST(WsClose, DrainTellsWhenToComeBackAndClosesWith1012) {
  TestServer server;
  Person person(server);
  server.on_loop([&] { server.service().begin_drain([] {}); });
  EXPECT_EQ(read_event_of_type(person.client, "reconnect")["reason"], "shutdown");
  EXPECT_EQ(read_close_code(person.client), 1012);
}

// --- a whole reply

TEST(WsChat, AReplyStreamsToItsAsker) {
  TestServer server;
  Person person(server);
  person.client.send(text_frame(R"({"type": "chat.create", "id": "c-1", "content": "Hello"})"));
  const json accepted = read_event_of_type(person.client, "accepted");
  EXPECT_EQ(accepted["re"], "c-1");
  const engine::RequestId id = server.wait_for_request(1);
  server.write(id, "Hi there");
  EXPECT_EQ(read_event_of_type(person.client, "delta")["text"], "Hi there");
  server.finish(id, engine::FinishReason::stop);
  const json done = read_event_of_type(person.client, "done");
  EXPECT_EQ(done["to"], 8);
  EXPECT_EQ(done["finish_reason"], "stop");
  EXPECT_EQ(done["stored"], true);
}

// P7 and R-38: whoever does not read costs the others nothing and the server one bounded outbox.
TEST(WsChat, AReaderThatSleepsDisturbsNobody) {
  TestServer server;
  Person deaf(server);
  deaf.client.send(text_frame(R"({"type": "chat.create", "id": "d", "content": "Long"})"));
  const engine::RequestId long_one = server.wait_for_request(1);
  Person quick(server);
  quick.client.send(text_frame(R"({"type": "chat.create", "id": "q", "content": "Short"})"));
  const engine::RequestId short_one = server.wait_for_request(2);
  const std::string page(900, 'x');
  server.write(long_one, page);
  server.write(short_one, "Short answer");
  server.finish(short_one, engine::FinishReason::stop);
  EXPECT_EQ(read_event_of_type(quick.client, "done")["to"], 12);
  server.finish(long_one, engine::FinishReason::stop);
  EXPECT_EQ(read_event_of_type(deaf.client, "done")["stored"], true)
      << "and it finds everything when it wakes";
}

}  // namespace
}  // namespace hearth::server

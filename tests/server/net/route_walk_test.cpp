// The whole table, walked: every route by every method, with and without a cookie, from own and
// foreign pages, under own and foreign names (R-01…R-04). Nothing answers that should not, and
// every answer carries the security headers (R-29).
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "tests/server/net/support/test_server.h"

namespace hearth::server {
namespace {

using testing::RawClient;
using testing::Reply;
using testing::TestServer;
using testing::TestServerOptions;

const char* const kMethods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
const char* const kOwnPage = "http://127.0.0.1";

struct Visit {
  std::string method;
  std::string path;
  std::string cookie{};  // a whole field, or empty
  std::string origin{};
  std::string host = "127.0.0.1";

  bool is_reading() const { return method == "GET" || method == "HEAD"; }
  std::string request() const {
    std::string out = method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n";
    if (!cookie.empty()) out += cookie + "\r\n";
    if (!origin.empty()) out += "Origin: " + origin + "\r\n";
    if (method == "POST") out += "Content-Type: application/json\r\nContent-Length: 1\r\n\r\nx";
    return method == "POST" ? out : out + "\r\n";
  }
};

// With that field in place of the usual one.
std::string post_to(const std::string& path, const std::string& body, const std::string& field) {
  const std::string name = field.substr(0, field.find(':'));
  std::string out = "POST " + path + " HTTP/1.1\r\n" + field + "\r\n";
  if (name != "Host") out += "Host: 127.0.0.1\r\n";
  if (name != "Content-Type") out += "Content-Type: application/json\r\n";
  return out + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class RouteWalk : public ::testing::Test {
 protected:
  RouteWalk() : server_(on_a_network()) {
    const Reply granted = server_.ask(testing::post("/api/v1/session", R"({"code": "K7MX-4QRT"})",
                                                    {std::string("Origin: ") + kOwnPage}));
    const std::string set = granted.headers.at("set-cookie");
    cookie_ = "Cookie: " + set.substr(0, set.find(';'));
    for (const Route& route : server_.routes()) {
      std::string path = route.path;
      if (path.ends_with('*')) path.replace(path.size() - 1, 1, "test");
      routes_[path][route.method] = route.access;
      if (route.method == "GET") routes_[path]["HEAD"] = route.access;
    }
  }

  static TestServerOptions on_a_network() {
    TestServerOptions options;
    options.gate.is_local = false;
    options.with_join_code = true;
    return options;
  }

  Reply go(const Visit& visit) {
    const Reply reply = RawClient(server_.port()).ask(visit.request(), visit.method == "HEAD");
    const std::string what = visit.request();
    EXPECT_TRUE(reply.headers.contains("content-security-policy")) << what;
    EXPECT_EQ(reply.headers.count("x-content-type-options"), 1U) << what;
    EXPECT_EQ(reply.headers.count("referrer-policy"), 1U) << what;
    EXPECT_EQ(reply.headers.count("cross-origin-resource-policy"), 1U) << what;
    EXPECT_EQ(reply.headers.count("access-control-allow-origin"), 0U) << what;
    EXPECT_EQ(reply.headers.count("x-request-id"), 1U) << what;
    return reply;
  }

  // Another page, or nobody saying whose page it is while a browser's cookie is there.
  static bool is_foreign(const Visit& visit) {
    if (visit.origin == kOwnPage) return false;
    return !visit.origin.empty() || !visit.cookie.empty();
  }

  void expect(const Visit& visit, int status) {
    const std::string what = visit.request();
    const std::map<std::string, Access>& methods = routes_.at(visit.path);
    const auto known = methods.find(visit.method);
    const bool is_known = known != methods.end();
    const Access access = is_known ? known->second : Access::open;
    const bool changes = access == Access::socket || !visit.is_reading();
    if (changes && is_foreign(visit)) {
      EXPECT_EQ(status, 403) << what;
    } else if (!is_known) {
      EXPECT_EQ(status, 405) << what;
    } else if (access == Access::socket) {
      EXPECT_EQ(status, 426) << what;
    } else if (access == Access::user && visit.cookie != cookie_) {
      EXPECT_EQ(status, 401) << what;
    } else if (access == Access::session) {
      EXPECT_EQ(status, 400) << what;
    } else {
      EXPECT_TRUE(status != 401 && status != 403 && status != 405 && status < 500)
          << status << " " << what;
    }
  }

  TestServer server_;
  std::string cookie_;
  std::map<std::string, std::map<std::string, Access>> routes_;  // path, method
};

TEST_F(RouteWalk, EveryRouteByEveryMethodFromEveryPageWithEveryCookie) {
  const std::string unknown = cookie_.substr(0, cookie_.find('=') + 1) + std::string(43, 'A');
  int num_visits = 0;
  for (const auto& [path, methods] : routes_) {
    for (const std::string method : kMethods) {
      for (const std::string& cookie : {std::string(), cookie_, unknown}) {
        for (const std::string origin : {"", kOwnPage, "http://evil.example", "null"}) {
          const Visit visit{method, path, cookie, origin};
          expect(visit, go(visit).status);
          ++num_visits;
        }
      }
    }
  }
  EXPECT_GE(num_visits, 20 * 7 * 12);
}

TEST_F(RouteWalk, UnderAForeignNameNothingAnswers) {
  for (const auto& [path, methods] : routes_) {
    for (const std::string method : kMethods) {
      for (const std::string host : {"evil.example", "127.0.0.1.evil.example", "localhost:x"}) {
        const Visit visit{method, path, cookie_, kOwnPage, host};
        EXPECT_EQ(go(visit).status, 421) << visit.request();
      }
    }
  }
}

TEST_F(RouteWalk, WhatIsInNoTableIs404ByEveryMethod) {
  for (const std::string path : {"/admin/health", "/admin/sessions", "/admin/sessions/end",
                                 "/metrics", "/v2/models", "/.git/config"}) {
    for (const std::string method : kMethods) {
      const Visit visit{method, path, "", "", "127.0.0.1"};
      EXPECT_EQ(go(visit).status, 404) << visit.request();
    }
  }
}

// The operator's listener asks for no credential: what protects it is that only this machine
// reaches it, and that no page can.
TEST(OperatorWalk, NoPageChangesAnythingAndNothingElseIsServed) {
  TestServerOptions options;
  options.is_for_operator = true;
  TestServer server(options);
  const std::string body = R"({"user": "00112233445566778899aabbccddeeff"})";
  for (const Route& route : server.operator_routes()) {
    EXPECT_EQ(server.ask(testing::get(route.path, {"Host: evil.example"})).status, 421);
    const std::string rebound = post_to(route.path, body, "Host: evil.example");
    EXPECT_EQ(server.ask(rebound).status, 421) << route.path;
    if (route.method == "GET") {
      const Reply reply = server.ask(testing::get(route.path, {"Origin: http://evil.example"}));
      EXPECT_EQ(reply.status, 200) << route.path;
      EXPECT_FALSE(reply.headers.contains("access-control-allow-origin")) << route.path;
      continue;
    }
    EXPECT_EQ(server.ask(testing::get(route.path)).status, 405);
    for (const std::string field :
         {"Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"})
      EXPECT_EQ(server.ask(testing::post(route.path, body, {field})).status, 403) << field;
    EXPECT_EQ(server.ask(post_to(route.path, body, "Content-Type: text/plain")).status, 415);
    EXPECT_EQ(server.ask(testing::post(route.path, "{}")).status, 400);
    EXPECT_EQ(server.ask(testing::post(route.path, body)).status, 404) << "nobody has that id";
  }
  for (const std::string path : {"/", "/ws", "/healthz", "/v1/models", "/api/v1/session"})
    EXPECT_EQ(server.ask(testing::get(path)).status, 404) << path;
}

TEST_F(RouteWalk, RefusalsOfWhatIsNoRequestCarryTheHeadersToo) {
  for (const std::string request :
       {"rubbish\r\n\r\n", "GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"}) {
    const Reply reply = server_.ask(request);
    EXPECT_GE(reply.status, 400) << request;
    EXPECT_TRUE(reply.headers.contains("content-security-policy")) << request;
  }
}

}  // namespace
}  // namespace hearth::server

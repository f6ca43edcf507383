#include "server/net/router.h"

#include <gtest/gtest.h>

#include "tests/server/net/support/test_server.h"

namespace hearth::server {
namespace {

using testing::get;
using testing::RawClient;
using testing::TestServer;
using testing::TestServerOptions;

TEST(Target, IsSplitOnceAndOddOnesAreRefused) {
  EXPECT_EQ(parse_target("/v1/models?x=1&y=%2f")->path, "/v1/models");
  EXPECT_EQ(parse_target("/v1/models?x=1&y=%2f")->query, "x=1&y=%2f");
  for (const std::string target : {"", "v1", "http://127.0.0.1/healthz", "*", "/a b", "/a\\b",
                                   "/a#b", "/\x7f", "/\xc3\xa9", "/\n"}) {
    EXPECT_FALSE(parse_target(target)) << target;
  }
  EXPECT_TRUE(parse_target("/" + std::string(2047, 'a')));
  EXPECT_FALSE(parse_target("/" + std::string(2048, 'a')));
}

TEST(PercentDecoding, RefusesHalfEscapesAndControlCharacters) {
  EXPECT_EQ(percent_decoded("a%2Fb%20c"), "a/b c");
  for (const char* text : {"%", "%2", "%zz", "%00", "%0a", "%7f"})
    EXPECT_FALSE(percent_decoded(text)) << text;
}

Router small_router() {
  std::vector<Route> routes;
  routes.push_back({"GET", "/one", Access::open, 0, {}});
  routes.push_back({"POST", "/one", Access::user, 10, {}});
  routes.push_back({"GET", "/many/*", Access::user, 0, {}});
  return Router(std::move(routes));
}

TEST(Router, FindsExactPathsAndTailsOnly) {
  const Router router = small_router();
  EXPECT_EQ(router.find("GET", "/one").route->access, Access::open);
  EXPECT_EQ(router.find("HEAD", "/one").route->access, Access::open);
  EXPECT_EQ(router.find("POST", "/one").route->body_bytes_max, 10U);
  EXPECT_EQ(router.find("GET", "/many/a%2Fb").tail, "a/b");
  EXPECT_EQ(router.find("GET", "/many/").route, nullptr);
  EXPECT_EQ(router.find("PUT", "/one").allow, "GET, POST");
  for (const char* path :
       {"/", "/One", "/one/", "//one", "/./one", "/one%00", "/%6fne", "/one;x", "/many/%00"}) {
    EXPECT_EQ(router.find("GET", path).route, nullptr) << path;
  }
}

TestServerOptions on_a_network() {
  TestServerOptions options;
  options.gate.is_local = false;
  options.with_join_code = true;
  return options;
}

// Deny by default: the table is walked; without credentials nothing answers but this list.
TEST(DenyByDefault, WithoutCredentialsOnlyThePublicListIsServed) {
  TestServer server(on_a_network());
  const std::vector<std::string> open = {"/",       "/healthz",  "/health",
                                         "/readyz", "/assets/*", "/icon.svg", "/openapi.json"};
  int num_checked = 0;
  for (const Route& route : server.routes()) {
    const bool is_open = std::find(open.begin(), open.end(), route.path) != open.end();
    EXPECT_EQ(route.access == Access::open, is_open) << route.path;
    if (is_open) continue;
    std::string path = route.path;
    if (path.ends_with('*')) path.replace(path.size() - 1, 1, "test");
    std::string request = route.method == "POST" ? testing::post(path, "{}") : get(path);
    if (route.method == "DELETE") request.replace(0, 3, "DELETE");
    const int status = server.ask(request).status;
    if (route.access == Access::socket) {
      EXPECT_EQ(status, 426) << path;
    } else {
      EXPECT_EQ(status, 401) << route.method << " " << path;
      ++num_checked;
    }
  }
  EXPECT_GE(num_checked, 4);
}

// what reaches no route by its letters reaches none by a trick.
TEST(DenyByDefault, TricksWithThePathReachNothing) {
  TestServer server(on_a_network());
  for (const std::string path :
       {"//v1/models", "/v1//models", "/v1/../v1/models", "/healthz/../v1/models", "/v1/%6dodels",
        "/V1/models", "/v1/models;x", "/v1/models/", "/./v1/models", "/healthz%2f..%2fv1%2fmodels",
        "/assets/../../etc/passwd", "/assets/%2e%2e%2findex.html", "/assets/..%5c..%5cx",
        "/assets/%252e%252e/x", "/assets/app-AB12CD34.js%00", "/etc/passwd"}) {
    const int status = server.ask(get(path)).status;
    EXPECT_TRUE(status == 404 || status == 400 || status == 401) << path << " " << status;
  }
  EXPECT_EQ(server.ask("GET http://127.0.0.1/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").status,
            400);
  EXPECT_EQ(server.ask("OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").status, 400);
  EXPECT_EQ(server.ask("DELETE /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").status, 405);
}

}  // namespace
}  // namespace hearth::server

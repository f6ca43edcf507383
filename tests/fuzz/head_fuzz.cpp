// Any bytes as the target and the fields of an HTTP request: what decides who may ask for what. A
// target that is let through is an absolute path without tricks; a framing that could be read in
// two ways is refused.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "server/api/cookies.h"
#include "server/net/origin_check.h"
#include "server/net/request_rules.h"
#include "server/net/router.h"

namespace {

using namespace hearth::server;

std::string_view line_of(std::string_view& rest) {
  const std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  return line;
}

HttpRequest head_of(std::string_view method, std::string_view rest) {
  HttpRequest head;
  head.method = std::string(method);
  while (!rest.empty()) {
    const std::string_view line = line_of(rest);
    const std::size_t colon = std::min(line.find(':'), line.size());
    head.headers.push_back({std::string(line.substr(0, colon)),
                            std::string(line.substr(std::min(colon + 1, line.size())))});
  }
  return head;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Router kRouter({{"GET", "/", Access::open, 0, {}},
                               {"GET", "/assets/*", Access::open, 0, {}},
                               {"POST", "/v1/chat/completions", Access::user, 1024, {}}});
  static const std::vector<std::string> kAllowed = {"hearth.test", "https://school.example"};
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view method = line_of(rest);
  const std::string_view wanted = line_of(rest);
  if (const auto target = parse_target(wanted)) {
    CHECK(target->path.starts_with('/'));
    CHECK(target->path.find_first_of("?#\\ ") == std::string::npos);
    const Router::Match match = kRouter.find(method, target->path);
    CHECK(match.tail.find('\0') == std::string::npos);
    CHECK(!match.route || match.is_known_path || !target->path.empty());
    percent_decoded(target->query);
  }
  const HttpRequest head = head_of(method, rest);
  for (const int version : {10, 11}) {
    HeadFacts facts;
    if (check_head(head, version, facts)) continue;
    CHECK(!(facts.is_chunked && facts.content_length));
    CHECK(facts.has_body || !facts.is_chunked);
    check_body(head, facts, 1024);
  }
  const std::string_view host = head.header("host").value_or("");
  is_host_allowed(host, "room", kAllowed);
  if (judge_origin(head.header("origin"), host, kAllowed) == Origin::absent)
    CHECK(!head.header("origin"));
  cookie_value(head, "hearth_8080");
  bearer_token(head);
  return 0;
}

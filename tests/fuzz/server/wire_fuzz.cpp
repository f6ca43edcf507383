// Any bytes on a real socket of a real server: as an HTTP request (first byte even), or behind an
// upgrade, as WebSocket frames. Each connection ends, and the server serves the next one.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/check.h"
#include "tests/server/net/support/test_server.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth::server::testing;
  static TestServer server;
  if (size == 0) return 0;
  RawClient client(server.port());
  CHECK(client.is_open());
  if (data[0] % 2 == 1) CHECK(client.ask(upgrade()).status == 101);
  client.send(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  client.send_no_more();
  client.is_closed_by_server();
  CHECK(server.ask(get("/healthz")).status == 200);
  return 0;
}

// Any frames to a whole service, line by line: from one socket or another, with an engine that
// writes and a clock that goes on in between. Nothing breaks, and no outbox grows beyond its bound.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/base/check.h"
#include "tests/server/session/support/room.h"

namespace {

using namespace hearth::server;
using testing::Room;
using testing::Tab;

// What else happens behind a frame.
void go_on(Room& room, std::uint8_t what) {
  if (what % 2 == 0) room.settle();
  if (what % 3 == 0) room.tick(Milliseconds(500));
  if (what % 5 == 0 && !room.engine.order.empty()) {
    const auto id = room.engine.order[what % room.engine.order.size()];
    if (room.engine.requests.at(id).stream->finished() != nullptr) return;
    room.write(id, "some words ");
    if (what % 7 == 0) room.finish(id);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Room room;
  const std::array users = {room.new_user(), room.new_user()};
  std::array<std::unique_ptr<Tab>, 3> tabs;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (int frames = 0; !rest.empty() && frames < 200; ++frames) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto what = line.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(line.front());
    auto& tab = tabs[what % tabs.size()];
    if (!tab) tab = std::make_unique<Tab>(room, users[what % users.size()]);
    if (!line.empty()) tab->send_raw(line.substr(1));
    go_on(room, what);
    CHECK(tab->connection->outbox_bytes() <= 2 * 1024 * 1024);
    if (what % 4 == 0) tab->receive();
    if (!tab->connection->is_open()) {
      tab->receive();
      tab->close();
      tab.reset();
    }
  }
  room.settle();
  return 0;
}

// How full the room is: counts that everybody may see, never names or texts.
#pragma once

#include <optional>

#include "server/session/clock.h"
#include "server/session/protocol.h"

namespace hearth::server {

struct RoomCount {
  int people = 0;   // with a socket open
  int running = 0;  // people whose reply is being written
  int queued = 0;   // people who wait for one, and have none
  bool operator==(const RoomCount&) const = default;
};

// On the service's thread. While there never was a second person it says nothing.
class RoomPulse {
 public:
  // Somebody came who knows nothing yet.
  void greet() { is_greeting_ = true; }

  bool is_due(Instant now) const { return now - told_at_ >= kEvery; }

  // What everybody is told, if it is news.
  std::optional<ServerMessage> tell(const RoomCount& count, Instant now);

 private:
  static constexpr Milliseconds kEvery{1'000};
  RoomCount told_{.people = 1};
  Instant told_at_{};
  bool is_greeting_ = false;
  bool is_shared_ = false;  // there was a second person
};

}  // namespace hearth::server

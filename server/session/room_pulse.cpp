#include "server/session/room_pulse.h"

namespace hearth::server {

std::optional<ServerMessage> RoomPulse::tell(const RoomCount& count, Instant now) {
  told_at_ = now;
  is_shared_ = is_shared_ || count.people > 1;
  if (!is_shared_ || (count == told_ && !is_greeting_)) return std::nullopt;
  told_ = count;
  is_greeting_ = false;
  return ServerMessage{{{"type", "room"},
                        {"people", count.people},
                        {"running", count.running},
                        {"queued", count.queued}}};
}

}  // namespace hearth::server

// What is asked about the room from outside: where somebody's replies stand, and who is here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/session/events.h"
#include "server/session/ids.h"
#include "server/session/sockets.h"

namespace hearth::server {

// How full the server is, and one person's own replies in it: those that run, then those that
// wait, in their order.
struct QueueView {
  struct Own {
    MessageId stream{};
    ConversationId conversation{};
    std::string state{};                // as on the wire: "queued", "running", "paused"
    std::optional<QueuePlace> place{};  // while it waits and its place is known
  };
  int running = 0;  // replies of everybody
  int queued = 0;
  int taken = 0;  // of the places that limits.live gives, those of the HTTP APIs included
  int places = 0;
  std::vector<Own> own{};
};

struct PersonHere {
  Presence presence{};
  int num_running = 0;  // replies
  int num_waiting = 0;
};

}  // namespace hearth::server

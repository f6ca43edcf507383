#pragma once

#include <functional>

#include "server/session/connection.h"
#include "server/session/protocol.h"

namespace hearth::server {

// Tells the other ready sockets of a user: all but `asker`, which may be null.
using Announce = std::function<void(const UserId&, const Connection* asker, const ServerMessage&)>;

}  // namespace hearth::server

// The session's own: what is kept, recovery, leaving, erasing (PROTOCOL §6).
#pragma once

#include "server/api/session_api.h"

namespace hearth::server {

// `api` outlives the handlers.
Handler session_info_handler(SessionApi& api);  // GET /api/v1/session
Handler recovery_handler(SessionApi& api);      // POST /api/v1/session/recovery
Handler forget_handler(SessionApi& api);        // POST /api/v1/session/forget
Handler erase_handler(SessionApi& api);         // POST /api/v1/session/erase

}  // namespace hearth::server

// GET /api/v1/queue: how full the server is, and where one's own replies stand (PROTOCOL §6).
#pragma once

#include "server/api/http.h"
#include "server/session/chat_service.h"

namespace hearth::server {

Handler queue_handler(ChatService& service);

}  // namespace hearth::server

// A whole client without a WebSocket: one request and its answer, and a reply as server-sent events
// (PROTOCOL §6).
#pragma once

#include "server/api/http.h"
#include "server/session/chat_service.h"

namespace hearth::server {

Handler chat_call_handler(ChatService& service);  // POST /api/v1/chat

// GET /api/v1/streams/{id}/events. keep_alive: a comment after so long a silence.
Handler stream_events_handler(ChatService& service, Milliseconds keep_alive);

}  // namespace hearth::server

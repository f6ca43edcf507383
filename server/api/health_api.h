// GET /healthz, /health (the process answers) and /readyz (it can also generate).
#pragma once

#include "server/api/http.h"
#include "server/session/chat_service.h"

namespace hearth::server {

Handler health_handler();

// 200 ready; 503 model_loading (with its stages), model_failed, or shutting_down while
// is_draining() says so.
Handler ready_handler(const ChatService& service, std::function<bool()> is_draining);

}  // namespace hearth::server

// GET /api/v1/inspect/…: what a reply was made of, for its owner (server/PROTOCOL.md §5).
#pragma once

#include "server/api/http.h"
#include "server/api/inspect_worker.h"
#include "server/session/chat_service.h"

namespace hearth::server {

// The tail is the reply's id, or the id and "/prompt". References outlive the handler. Errors:
// not_found, invalid_parameter, busy, model_loading, model_failed, storage_unavailable.
Handler inspect_handler(ChatService& service, InspectWorker& worker);

}  // namespace hearth::server

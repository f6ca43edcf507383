// GET /v1/models and /v1/models/{id}.
#pragma once

#include "server/api/http.h"
#include "server/session/chat_service.h"

namespace hearth::server {

Handler model_list_handler(const ChatService& service);

// The tail is the id. Errors: model_not_found.
Handler model_handler(const ChatService& service);

}  // namespace hearth::server

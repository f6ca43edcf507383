// Keys that speak for their user (PROTOCOL §6).
#pragma once

#include "server/api/http.h"
#include "server/session/chat_service.h"

namespace hearth::server {

Handler list_keys_handler(ChatService& service);   // GET /api/v1/keys
Handler create_key_handler(ChatService& service);  // POST /api/v1/keys
Handler revoke_key_handler(ChatService& service);  // DELETE /api/v1/keys/{id}

}  // namespace hearth::server

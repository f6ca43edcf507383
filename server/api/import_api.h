// POST /api/v1/import: conversations from a file (PROTOCOL §6).
#pragma once

#include "server/api/http.h"
#include "server/session/chat_service.h"

namespace hearth::server {

inline constexpr std::size_t kImportBytesMax = 16 * 1024 * 1024;

Handler import_handler(ChatService& service, Clock clock);

}  // namespace hearth::server

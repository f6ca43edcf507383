// Conversations as files to keep (PROTOCOL §6).
#pragma once

#include <string>

#include "server/api/http.h"
#include "server/session/chat_service.h"

namespace hearth::server {

struct ExportApi {
  ChatService& service;
  std::string version;
  Clock clock;
};

// `api.service` outlives the handlers.
Handler export_handler(ExportApi api);               // GET /api/v1/export
Handler conversation_export_handler(ExportApi api);  // GET /api/v1/conversations/{id}/export

}  // namespace hearth::server

// The table of everything that is served, filled in.
#pragma once

#include <functional>
#include <vector>

#include "server/api/generation.h"
#include "server/api/inspect_model.h"
#include "server/api/inspect_worker.h"
#include "server/api/session_api.h"
#include "server/net/assets.h"
#include "server/net/router.h"
#include "server/session/chat_service.h"

namespace hearth::server {

struct InspectParts {
  InspectWorker worker;
  ModelInspection model;
};

// References outlive the routes.
struct RouteParts {
  const Assets& assets;
  ChatService& service;
  Generations& generations;
  SessionApi& session;
  std::function<bool()> is_draining;
  InspectParts* inspect = nullptr;       // null: without the inspector
  std::size_t body_bytes = 1024 * 1024;  // the most that one request may bring
};

std::vector<Route> make_routes(const RouteParts& parts);

}  // namespace hearth::server

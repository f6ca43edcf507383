// What the operator sees and does, on a listener of its own that only this machine reaches:
// health in detail, metrics, who is here, and ending somebody's sessions. Never a text or a secret;
// names only where people are listed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/api/generation.h"
#include "server/net/router.h"
#include "server/session/chat_service.h"

namespace hearth::server {

// What only the process knows.
struct ProcessFacts {
  std::string version{};
  std::int64_t uptime_s = 0;
  std::size_t connections = 0;  // open sockets, HTTP and WebSocket
  std::size_t connections_max = 0;
  std::int64_t disk_free_bytes = -1;  // −1: nothing is stored
  std::string certificate{};          // its fingerprint
  bool is_draining = false;
};

// References outlive the routes.
struct AdminParts {
  ChatService& service;
  Generations& generations;
  std::function<ProcessFacts()> facts;
};

// GET /admin/health (JSON), /metrics (Prometheus' text), /admin/sessions (JSON: those who are
// connected); POST /admin/sessions/end {user, key?}.
std::vector<Route> make_admin_routes(const AdminParts& parts);

}  // namespace hearth::server

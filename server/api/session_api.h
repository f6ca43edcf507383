// POST /api/v1/session: who am I here (PROTOCOL §1, DESIGN §10 Identity).
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "server/api/http.h"
#include "server/api/join_code.h"
#include "server/session/chat_service.h"

namespace hearth::server {

struct SessionApi {
  ChatService& service;
  JoinCode* join_code = nullptr;  // null: nobody is asked for one
  std::string cookie_name;
  bool durable = true;
};

// {"id", "name", "kind"}
nlohmann::ordered_json user_json(const User& user);

// With a phrase: its identity, and a new cookie. With a known cookie: that identity. Else, with the
// room's code where there is one: a new one, and its cookie. The references in `api` outlive the
// handler.
Handler session_handler(SessionApi& api);

}  // namespace hearth::server

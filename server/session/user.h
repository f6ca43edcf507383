#pragma once

#include <cstdint>
#include <string>

#include "server/session/ids.h"

namespace hearth::server {

enum class UserKind : std::uint8_t { guest, local };

// "guest", "local".
const char* to_string(UserKind kind);

struct User {
  UserId id{};
  UserKind kind = UserKind::guest;
  std::string name{};  // as people chose it; display only, ≤ 40 characters
};

}  // namespace hearth::server

#pragma once

#include <optional>
#include <string>

#include "server/session/user.h"

namespace hearth::server {

// What somebody brings to POST /api/v1/session.
struct SessionWish {
  std::optional<std::string> secret{};  // of their cookie
  std::optional<std::string> name{};
  std::optional<std::string> phrase{};  // the identity of this recovery phrase, whatever the cookie
  std::string peer{};                   // the address they come from; empty: not known
};

// A new or known identity.
struct SessionGrant {
  User user;
  std::optional<std::string> new_secret;  // set the cookie to this; empty: the caller's is good
};

}  // namespace hearth::server

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/session/crypto.h"
#include "server/session/ids.h"

namespace hearth::server {

enum class UserKind : std::uint8_t { guest, local };

// What the credential may do that somebody came with. A cookie is its owner; a key may ask and
// read, or only read.
enum class Scope : std::uint8_t { owner, chat, read };

// "owner", "chat", "read".
const char* to_string(Scope scope);

// "guest", "local".
const char* to_string(UserKind kind);

struct User {
  UserId id{};
  UserKind kind = UserKind::guest;
  std::string name{};  // as people chose it; display only, ≤ 40 characters
  Scope scope = Scope::owner;
  Sha256 credential{};                       // hash of what they came with; zero without one
  std::optional<std::int64_t> expires_ms{};  // of that credential
  bool has_row = true;  // false: somebody of an address, of whom nothing can be kept
  std::string peer{};   // the address they came from, for caps; empty: not known
};

}  // namespace hearth::server

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/session/crypto.h"
#include "server/session/ids.h"
#include "server/session/user.h"

namespace hearth::server {

// A key that the operator made on the command line: a user of its own.
struct OperatorKey {
  std::string id{};  // 16 hex digits, for people
  std::string label{};
  Scope scope = Scope::chat;
  Sha256 hash{};
  UserId user{};
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> expires_ms{};
};

// "hk-…": 256 random bits. What is kept is its SHA-256.
std::string make_key(const RandomBytes& random);
// How a key is named where the key itself is not shown: the first 16 hex digits of its hash.
std::string key_id(const Sha256& hash);

}  // namespace hearth::server

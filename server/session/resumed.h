#pragma once

#include <cstdint>
#include <vector>

#include "server/session/ids.h"

namespace hearth::server {

// What came of hello.resume: `ready.resumed` and `ready.unknown`.
struct Resumed {
  enum class Kind : std::uint8_t { none, full, snapshot };
  Kind kind = Kind::none;
  std::vector<MessageId> unknown{};  // deleted, or not this user's: the same answer
};

// "none", "full", "snapshot".
const char* to_string(Resumed::Kind kind);

}  // namespace hearth::server

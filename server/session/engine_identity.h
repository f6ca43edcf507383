// What the engine knows of a person: two numbers, the same whichever way the requests come, so that
// one person has one share and one cache.
#pragma once

#include <cstdint>
#include <string>

#include "engine/runtime/request.h"
#include "server/session/ids.h"

namespace hearth::server {

// Hashed, so that neither number tells the user's id.
struct EngineIdentity {
  engine::UserKey user = 0;
  std::uint64_t cache_salt = 0;
};
EngineIdentity engine_identity(const UserId& owner);

// Of one of several people behind one owner, by the name that their program gives them; empty: the
// owner.
EngineIdentity engine_identity(const UserId& owner, const std::string& end_user);

// Below 2⁵³, so that a JavaScript client can say it back.
std::uint64_t draw_seed(const RandomBytes& random);

}  // namespace hearth::server

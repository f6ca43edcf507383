#include "server/session/engine_identity.h"

#include <array>
#include <cstring>

#include "server/session/crypto.h"

namespace hearth::server {

EngineIdentity engine_identity(const UserId& owner) { return engine_identity(owner, {}); }

EngineIdentity engine_identity(const UserId& owner, const std::string& end_user) {
  const std::string name = end_user.empty() ? "" : " of " + end_user;
  const Sha256 digest = sha256("hearth user key " + to_string(owner) + name);
  EngineIdentity identity;
  std::memcpy(&identity.user, digest.data(), sizeof identity.user);
  std::memcpy(&identity.cache_salt, digest.data() + sizeof identity.user,
              sizeof identity.cache_salt);
  return identity;
}

std::uint64_t draw_seed(const RandomBytes& random) {
  std::array<std::uint8_t, 8> bytes{};
  random(bytes);
  std::uint64_t seed = 0;
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return seed >> 11U;
}

}  // namespace hearth::server

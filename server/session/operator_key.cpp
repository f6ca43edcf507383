#include "server/session/operator_key.h"

#include <array>
#include <span>

namespace hearth::server {

std::string make_key(const RandomBytes& random) {
  std::array<std::uint8_t, 32> bytes{};
  random(bytes);
  return "hk-" + to_hex(bytes);
}

std::string key_id(const Sha256& hash) { return to_hex(std::span(hash).first(8)); }

}  // namespace hearth::server

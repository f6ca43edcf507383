#include "server/session/crypto.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include "engine/base/check.h"

namespace hearth::server {

Sha256 sha256(std::string_view bytes) {
  Sha256 digest;
  static_assert(SHA256_DIGEST_LENGTH == sizeof digest);
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

RandomBytes system_random() {
  return [](std::span<std::uint8_t> out) {
    CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1);
  };
}

}  // namespace hearth::server

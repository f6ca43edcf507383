// The two things session takes from OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "server/session/ids.h"

namespace hearth::server {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);

// RAND_bytes; aborts if the system has no randomness to give. Any thread.
RandomBytes system_random();

}  // namespace hearth::server

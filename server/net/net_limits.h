// Every bound of the transport, with its default (reliability §1.3, R-24…R-26). The configuration
// fills it in once.
#pragma once

#include <cstddef>

#include "server/session/clock.h"

namespace hearth::server {

struct NetLimits {
  // One request.
  std::size_t header_bytes = 8 * 1024;
  std::size_t header_fields = 64;
  std::size_t target_bytes = 2 * 1024;
  std::size_t body_bytes = 1024 * 1024;  // of the routes that take what people write

  // Sockets. Those per address hold for the network only, not for loopback.
  std::size_t connections = 4096;
  std::size_t connections_per_address = 64;
  double connections_per_s = 20.0;  // new ones of one address; connections_per_address at once

  // Time.
  Milliseconds tls_handshake{5'000};
  Milliseconds header_within{
      5'000};                        // from the request's first byte (of a new socket: from accept)
  Milliseconds body_within{15'000};  // and a second more for each body_bytes_per_s that came
  std::size_t body_bytes_per_s = 1024;
  Milliseconds idle{30'000};            // between requests
  Milliseconds idle_overloaded{5'000};  // instead, from overload level 1 on
  Milliseconds stalled{15'000};         // a response of which the client takes nothing
  Milliseconds linger{1'000};  // after a refusal: reads what still comes, so that it can be read
  Milliseconds ws_handshake{5'000};
  Milliseconds ws_idle{40'000};  // pings go out at half of it
  Milliseconds ws_close{5'000};  // for the closing handshake, then the socket is cut
};

}  // namespace hearth::server

#include "server/session/clock.h"

namespace hearth::server {

Clock system_clock() {
  return {.now = [] { return std::chrono::steady_clock::now(); },
          .unix_ms =
              [] {
                const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
                return std::chrono::duration_cast<Milliseconds>(since_1970).count();
              }};
}

}  // namespace hearth::server

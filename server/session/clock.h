// Time as the session layer sees it: injected, so that tests need no sleeps.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace hearth::server {

using Instant = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;

struct Clock {
  std::function<Instant()> now;           // for durations
  std::function<std::int64_t()> unix_ms;  // for rows and messages: ms since 1970, UTC
};

// The machine's clocks.
Clock system_clock();

}  // namespace hearth::server

// How fast the GPU reads its memory: the floor under a decode step.
#pragma once

#include <cstdint>

namespace hearth::bench {

// Bytes per second of the fastest of several plain passes over `bytes` of random data; 0 when that
// fails.
double read_speed(std::int64_t bytes);

}  // namespace hearth::bench

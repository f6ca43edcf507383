// How much memory this process may still take.
#pragma once

#include <cstdint>

namespace hearth {

// Bytes: what the kernel calls available (free, and caches that it would give up), or what is left
// below the limit of the process's control group (cgroup v2) when that is less. The largest number
// where neither can be read.
std::int64_t available_memory();

}  // namespace hearth

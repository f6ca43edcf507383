// What libtorch throws, as a value. No exception leaves the module.
#pragma once

#include <exception>

#include "engine/base/error.h"

namespace hearth::engine {

// out_of_memory for std::bad_alloc and for libtorch's allocators, else engine_failed with the first
// line of its message.
Error failure_of(const std::exception& error);

}  // namespace hearth::engine

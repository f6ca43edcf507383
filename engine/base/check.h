// CHECK: for bugs only. Always on; prints the condition and where it stands, then aborts.
// What a user, a file or the network can cause is a Result (error.h), never a CHECK.
#pragma once

namespace hearth {

[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace hearth

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::hearth::check_failed(#condition, __FILE__, __LINE__))

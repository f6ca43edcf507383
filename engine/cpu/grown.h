// A buffer that grows to the largest step and is then reused.
#pragma once

#include <cstdint>
#include <vector>

namespace hearth::engine::cpu {

// At least `size` elements; what was there may be gone.
inline float* grown(std::vector<float>& buffer, std::int64_t size) {
  if (static_cast<std::int64_t>(buffer.size()) < size)
    buffer.resize(static_cast<std::size_t>(size));
  return buffer.data();
}

}  // namespace hearth::engine::cpu

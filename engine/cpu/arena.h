// One block of zeroed memory on huge pages where the kernel gives them: weights and KV cache are
// read end to end every step, and 4 KiB pages would cost a TLB miss each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/error.h"

namespace hearth::engine::cpu {

// Owns the memory. Not thread-safe; take pieces at load, read and write them from anywhere.
class Arena {
 public:
  static constexpr std::size_t kAlignment = 64;

  // Reserves `bytes` of address space; pages are taken when they are first written. Errors:
  // out_of_memory.
  static Result<Arena> create(std::size_t bytes);

  Arena() = default;
  ~Arena();
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;

  // The next `bytes`, aligned to kAlignment. CHECKs that they fit: sizes are planned before.
  std::uint8_t* take(std::size_t bytes);

  std::size_t size() const { return size_; }

 private:
  void* mapping_ = nullptr;
  std::size_t mapped_ = 0;
  std::uint8_t* begin_ = nullptr;
  std::size_t size_ = 0;
  std::size_t used_ = 0;
};

}  // namespace hearth::engine::cpu

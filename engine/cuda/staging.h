// Two pinned buffers through which everything goes to a device: one is filled while the other is
// copied.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "engine/base/error.h"
#include "engine/cuda/device.h"

namespace hearth::engine::cuda {

// Uses the device's queue: one thread, nothing else meanwhile.
class Staging {
 public:
  // Errors: out_of_memory.
  static Result<Staging> create(Device& device, std::size_t bytes);

  std::size_t bytes() const { return buffers_[0].bytes(); }

  // Where the next piece is written, at most bytes().
  std::byte* next() { return buffers_[index_].as<std::byte>(); }

  // Copies the first `bytes` of next() to the device, and turns to the other buffer, which is free
  // when this returns. Errors: the device's.
  Result<void> send(void* device, std::size_t bytes);

  // Copies values that lie anywhere.
  Result<void> send_values(void* device, std::span<const std::byte> values);

 private:
  Staging(Device& device, Buffer first, Buffer second)
      : device_(&device), buffers_{std::move(first), std::move(second)} {}

  Device* device_;
  std::array<Buffer, 2> buffers_;
  std::size_t index_ = 0;
};

}  // namespace hearth::engine::cuda

#include "engine/cuda/staging.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hearth::engine::cuda {

Result<Staging> Staging::create(Device& device, std::size_t bytes) {
  auto first = device.allocate_pinned(bytes);
  if (!first) return tl::unexpected(first.error());
  auto second = device.allocate_pinned(bytes);
  if (!second) return tl::unexpected(second.error());
  return Staging(device, std::move(*first), std::move(*second));
}

Result<void> Staging::send(void* device, std::size_t bytes) {
  // What was copied before is there after this, so the other buffer is free.
  if (auto done = device_->synchronize(); !done) return done;
  device_->upload(device, next(), bytes);
  index_ = 1 - index_;
  return {};
}

Result<void> Staging::send_values(void* device, std::span<const std::byte> values) {
  auto* to = static_cast<std::byte*>(device);
  while (!values.empty()) {
    const std::size_t count = std::min(values.size(), bytes());
    std::memcpy(next(), values.data(), count);
    if (auto sent = send(to, count); !sent) return sent;
    to += count;
    values = values.subspan(count);
  }
  return device_->synchronize();
}

}  // namespace hearth::engine::cuda

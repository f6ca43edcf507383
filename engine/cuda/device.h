// The seam below CudaDecoder: memory, one queue of kernels, recorded launches. CudaDevice is a GPU;
// HostDevice runs the same kernel bodies on the processor, for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/error.h"
#include "engine/cuda/kernels/arguments.h"

namespace hearth::engine::cuda {

class Device;

// Memory of a device, or of the host where the device copies fast; freed with the object. A buffer
// must not outlive its device.
class Buffer {
 public:
  enum class Place : std::uint8_t { device, pinned };

  Buffer() = default;
  Buffer(Device& device, Place place, void* data, std::size_t bytes)
      : device_(&device), place_(place), data_(data), bytes_(bytes) {}
  ~Buffer() { reset(); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  void reset();

 private:
  void swap(Buffer& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(place_, other.place_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }

  Device* device_ = nullptr;
  Place place_ = Place::device;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// Launches recorded by Device::end_capture. Must not outlive its device.
class Graph {
 public:
  virtual ~Graph() = default;
};

// One thread at a time. Launches and copies are queued in order and never fail by themselves: the
// first failure is told by the next synchronize.
class Device {
 public:
  virtual ~Device() = default;

  virtual std::string name() const = 0;
  virtual int num_processors() const = 0;  // multiprocessors
  virtual std::int64_t free_bytes() const = 0;

  // Zeroed. Errors: out_of_memory; the device goes on working.
  virtual Result<Buffer> allocate(std::size_t bytes) = 0;
  // Of the host, not zeroed, where the device reads and writes directly. Errors: out_of_memory.
  virtual Result<Buffer> allocate_pinned(std::size_t bytes) = 0;

  // `host` lies in a pinned buffer and is left alone until the next synchronize.
  virtual void upload(void* device, const void* host, std::size_t bytes) = 0;
  virtual void download(void* host, const void* device, std::size_t bytes) = 0;
  // Waits for all that was queued. Errors: out_of_memory, engine_failed (the device is lost).
  virtual Result<void> synchronize() = 0;

  virtual void launch(const EmbedArgs& args) = 0;
  virtual void launch(const RmsNormArgs& args) = 0;
  virtual void launch(const AddNormedArgs& args) = 0;
  virtual void launch(const GemvArgs& args) = 0;
  virtual void launch(const RopeArgs& args) = 0;
  virtual void launch(const GateArgs& args) = 0;
  virtual void launch(const FinishArgs& args) = 0;
  virtual void launch(const WidenArgs& args) = 0;
  virtual void launch(const AttentionArgs& args) = 0;
  virtual void launch(const MatmulArgs& args) = 0;

  // Records what is launched until end_capture instead of running it. Nothing may be allocated,
  // copied or waited for meanwhile. end_capture: null when the launches cannot be recorded.
  virtual void begin_capture() = 0;
  virtual std::unique_ptr<Graph> end_capture() = 0;
  virtual void replay(const Graph& graph) = 0;

 private:
  friend class Buffer;
  virtual void release(Buffer::Place place, void* data, std::size_t bytes) = 0;
};

inline void Buffer::reset() {
  if (data_ != nullptr) device_->release(place_, data_, bytes_);
  data_ = nullptr;
  bytes_ = 0;
}

}  // namespace hearth::engine::cuda

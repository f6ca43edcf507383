#include "engine/cuda/host_device.h"

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/cuda/kernels/launch.h"

namespace hearth::engine::cuda {
namespace {

constexpr std::size_t kAlignment = 256;  // as cudaMalloc's

void* aligned(std::size_t bytes) {
  return std::aligned_alloc(kAlignment, (bytes / kAlignment + 1) * kAlignment);
}

template <class X>
void multiply(const MatmulArgs& args) {
  for (int t = 0; t < args.num_tokens; ++t) {
    const X* x = static_cast<const X*>(args.x) + static_cast<std::int64_t>(t) * args.matrix.stride;
    float* out = args.out + static_cast<std::int64_t>(t) * args.out_stride;
    for (int row = 0; row < args.matrix.rows; ++row) {
      const X* w = static_cast<const X*>(args.matrix.data) +
                   static_cast<std::int64_t>(row) * args.matrix.stride;
      float sum = args.accumulate ? out[row] : 0.0F;
      for (int k = 0; k < args.matrix.k; ++k) sum += to_float(x[k]) * to_float(w[k]);
      out[row] = sum;
    }
  }
}

}  // namespace

Result<Buffer> HostDevice::allocate(std::size_t bytes) {
  ++counts_.allocations;
  void* data = static_cast<std::int64_t>(bytes) <= free_bytes() ? aligned(bytes) : nullptr;
  if (data == nullptr) {
    return fail(ErrorCode::out_of_memory, std::to_string(bytes) + " bytes are not free");
  }
  std::memset(data, 0, bytes);
  used_bytes_ += static_cast<std::int64_t>(bytes);
  return Buffer(*this, Buffer::Place::device, data, bytes);
}

Result<Buffer> HostDevice::allocate_pinned(std::size_t bytes) {
  void* data = aligned(bytes);
  if (data == nullptr) {
    return fail(ErrorCode::out_of_memory, std::to_string(bytes) + " bytes are not free");
  }
  return Buffer(*this, Buffer::Place::pinned, data, bytes);
}

void HostDevice::release(Buffer::Place place, void* data, std::size_t bytes) {
  if (place == Buffer::Place::device) used_bytes_ -= static_cast<std::int64_t>(bytes);
  std::free(data);
}

void HostDevice::upload(void* device, const void* host, std::size_t bytes) {
  CHECK(capture_ == nullptr);
  ++counts_.uploads;
  std::memcpy(device, host, bytes);
}

void HostDevice::download(void* host, const void* device, std::size_t bytes) {
  CHECK(capture_ == nullptr);
  ++counts_.downloads;
  std::memcpy(host, device, bytes);
}

void HostDevice::queue(std::function<void()> work) {
  if (capture_ != nullptr) return capture_->work.push_back(std::move(work));
  ++counts_.kernels;
  work();
}

// Shared memory starts as NaN: what is read before it was written shows.
template <class Kernel>
void HostDevice::run(const Kernel& kernel, Grid grid, int shared_bytes) {
  const HostOrder order = options_.order;
  queue([=] {
    std::vector<float> shared(static_cast<std::size_t>(shared_bytes) / sizeof(float) + 64);
    void* const aligned_shared =
        shared.data() + 16 - reinterpret_cast<std::uintptr_t>(shared.data()) / 4 % 16;
    const int count = grid.x * grid.y * grid.z;
    for (int i = 0; i < count; ++i) {
      const int at = order == HostOrder::forwards ? i : count - 1 - i;
      std::memset(aligned_shared, 0xFF, static_cast<std::size_t>(shared_bytes));
      const Grid index{at % grid.x, at / grid.x % grid.y, at / (grid.x * grid.y)};
      kernel(HostBlock(index, grid, aligned_shared, order));
    }
  });
}

template <class Args, class... More>
void HostDevice::dispatched(const Args& args, More... more) {
  dispatch(args, more..., [this](const auto& kernel, Grid grid, int shared_bytes) {
    run(kernel, grid, shared_bytes);
  });
}

void HostDevice::launch(const EmbedArgs& args) { dispatched(args); }
void HostDevice::launch(const RmsNormArgs& args) { dispatched(args); }
void HostDevice::launch(const AddNormedArgs& args) { dispatched(args); }
void HostDevice::launch(const GemvArgs& args) { dispatched(args, options_.num_processors); }
void HostDevice::launch(const RopeArgs& args) { dispatched(args); }
void HostDevice::launch(const GateArgs& args) { dispatched(args); }
void HostDevice::launch(const FinishArgs& args) { dispatched(args); }
void HostDevice::launch(const WidenArgs& args) { dispatched(args); }
void HostDevice::launch(const AttentionArgs& args) { dispatched(args); }

void HostDevice::launch(const MatmulArgs& args) {
  CHECK(args.matrix.numbers != Numbers::int8);
  queue(
      [=] { with_activations(args.matrix.numbers, [&](auto x) { multiply<decltype(x)>(args); }); });
}

void HostDevice::begin_capture() {
  CHECK(capture_ == nullptr);
  capture_ = std::make_unique<HostGraph>();
}

std::unique_ptr<Graph> HostDevice::end_capture() {
  ++counts_.captures;
  return std::move(capture_);
}

void HostDevice::replay(const Graph& graph) {
  ++counts_.replays;
  for (const std::function<void()>& work : static_cast<const HostGraph&>(graph).work) queue(work);
}

}  // namespace hearth::engine::cuda

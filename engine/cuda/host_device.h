// A Device without a GPU: every kernel body runs on the calling thread, block by block. For tests,
// and to see on any machine what the decoder launches. Slow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/cuda/device.h"
#include "engine/cuda/kernels/block.h"

namespace hearth::engine::cuda {

class HostDevice final : public Device {
 public:
  struct Options {
    std::int64_t memory_bytes = std::int64_t{1} << 40;  // pretended: allocations beyond it fail
    int num_processors = 4;
    HostOrder order = HostOrder::forwards;  // of the threads in a block and of the blocks
  };
  struct Counts {
    std::int64_t uploads = 0;
    std::int64_t downloads = 0;
    std::int64_t allocations = 0;
    std::int64_t kernels = 0;  // run, also by replay
    std::int64_t captures = 0;
    std::int64_t replays = 0;
  };

  HostDevice() = default;
  explicit HostDevice(const Options& options) : options_(options) {}

  const Counts& counts() const { return counts_; }
  void set_memory(std::int64_t bytes) { options_.memory_bytes = bytes; }

  std::string name() const override { return "the host"; }
  int num_processors() const override { return options_.num_processors; }
  std::int64_t free_bytes() const override { return options_.memory_bytes - used_bytes_; }
  Result<Buffer> allocate(std::size_t bytes) override;
  Result<Buffer> allocate_pinned(std::size_t bytes) override;
  void upload(void* device, const void* host, std::size_t bytes) override;
  void download(void* host, const void* device, std::size_t bytes) override;
  Result<void> synchronize() override { return {}; }
  void launch(const EmbedArgs& args) override;
  void launch(const RmsNormArgs& args) override;
  void launch(const AddNormedArgs& args) override;
  void launch(const GemvArgs& args) override;
  void launch(const RopeArgs& args) override;
  void launch(const GateArgs& args) override;
  void launch(const FinishArgs& args) override;
  void launch(const WidenArgs& args) override;
  void launch(const AttentionArgs& args) override;
  void launch(const MatmulArgs& args) override;
  void begin_capture() override;
  std::unique_ptr<Graph> end_capture() override;
  void replay(const Graph& graph) override;

 private:
  struct HostGraph final : Graph {
    std::vector<std::function<void()>> work;
  };

  void release(Buffer::Place place, void* data, std::size_t bytes) override;
  void queue(std::function<void()> work);
  template <class Kernel>
  void run(const Kernel& kernel, Grid grid, int shared_bytes);
  template <class Args, class... More>
  void dispatched(const Args& args, More... more);

  Options options_;
  Counts counts_;
  std::int64_t used_bytes_ = 0;
  std::unique_ptr<HostGraph> capture_;  // while one is being recorded
};

}  // namespace hearth::engine::cuda

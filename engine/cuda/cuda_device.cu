#include <string>
#include <utility>

#include <cuda_runtime.h>

#include "engine/cuda/cuda_device.h"
#include "engine/cuda/launch_cuda.h"
#include "engine/cuda/lt_matmul_cuda.h"

namespace hearth::engine::cuda {
namespace {

constexpr int kOldestMajor = 8;       // Ampere: bf16
constexpr int kOverlappingMajor = 9;  // Hopper

class CudaGraph final : public Graph {
 public:
  explicit CudaGraph(cudaGraphExec_t graph) : graph_(graph) {}
  ~CudaGraph() override { cudaGraphExecDestroy(graph_); }
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  cudaGraphExec_t get() const { return graph_; }

 private:
  cudaGraphExec_t graph_;
};

Error error_of(cudaError_t status) {
  const ErrorCode code =
      status == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::engine_failed;
  return {code, std::string("The GPU failed: ") + cudaGetErrorString(status) + "."};
}

class CudaDevice final : public Device {
 public:
  CudaDevice(const cudaDeviceProp& properties, LaunchPlace place, std::unique_ptr<LtMatmul> matmul)
      : name_(properties.name), place_(place), matmul_(std::move(matmul)) {}
  ~CudaDevice() override {
    matmul_.reset();
    cudaStreamDestroy(place_.stream);
  }
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  std::string name() const override { return name_; }
  int num_processors() const override { return place_.num_processors; }
  std::int64_t free_bytes() const override {
    std::size_t free = 0;
    std::size_t total = 0;
    return cudaMemGetInfo(&free, &total) == cudaSuccess ? static_cast<std::int64_t>(free) : 0;
  }

  Result<Buffer> allocate(std::size_t bytes) override {
    void* data = nullptr;
    if (auto taken = taken_by(cudaMalloc(&data, bytes)); !taken)
      return tl::unexpected(taken.error());
    Buffer buffer(*this, Buffer::Place::device, data, bytes);
    keep(cudaMemsetAsync(data, 0, bytes, place_.stream));
    return buffer;
  }
  Result<Buffer> allocate_pinned(std::size_t bytes) override {
    void* data = nullptr;
    if (auto taken = taken_by(cudaMallocHost(&data, bytes)); !taken)
      return tl::unexpected(taken.error());
    return Buffer(*this, Buffer::Place::pinned, data, bytes);
  }

  void upload(void* device, const void* host, std::size_t bytes) override {
    keep(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, place_.stream));
  }
  void download(void* host, const void* device, std::size_t bytes) override {
    keep(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, place_.stream));
  }
  Result<void> synchronize() override {
    keep(cudaStreamSynchronize(place_.stream));
    const cudaError_t failure = std::exchange(failure_, cudaSuccess);
    if (failure == cudaSuccess) return {};
    cudaGetLastError();
    return tl::unexpected(error_of(failure));
  }

  void launch(const EmbedArgs& args) override { keep(launch_on(place_, args)); }
  void launch(const RmsNormArgs& args) override { keep(launch_on(place_, args)); }
  void launch(const AddNormedArgs& args) override { keep(launch_on(place_, args)); }
  void launch(const GemvArgs& args) override { keep(launch_on(place_, args)); }
  void launch(const RopeArgs& args) override { keep(launch_on(place_, args)); }
  void launch(const GateArgs& args) override { keep(launch_on(place_, args)); }
  void launch(const FinishArgs& args) override { keep(launch_on(place_, args)); }
  void launch(const WidenArgs& args) override { keep(launch_on(place_, args)); }
  void launch(const AttentionArgs& args) override { keep(launch_on(place_, args)); }
  void launch(const MatmulArgs& args) override { keep(matmul_->run(args, is_recording_)); }

  void begin_capture() override {
    is_recording_ = true;
    failure_before_ = std::exchange(failure_, cudaSuccess);
    keep(cudaStreamBeginCapture(place_.stream, cudaStreamCaptureModeThreadLocal));
  }
  // A failure to record is no failure of the step, which is launched instead; what failed before it
  // is.
  std::unique_ptr<Graph> end_capture() override {
    is_recording_ = false;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    bool is_recorded = cudaStreamEndCapture(place_.stream, &graph) == cudaSuccess &&
                       std::exchange(failure_, cudaSuccess) == cudaSuccess;
    is_recorded = is_recorded && cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess;
    if (graph != nullptr) cudaGraphDestroy(graph);
    failure_ = failure_before_;
    if (is_recorded) return std::make_unique<CudaGraph>(executable);
    cudaGetLastError();
    return nullptr;
  }
  void replay(const Graph& graph) override {
    keep(cudaGraphLaunch(static_cast<const CudaGraph&>(graph).get(), place_.stream));
  }

 private:
  void release(Buffer::Place place, void* data, std::size_t) override {
    if (place == Buffer::Place::device) {
      cudaFree(data);
    } else {
      cudaFreeHost(data);
    }
  }

  // The first failure is the cause of the others.
  void keep(cudaError_t status) {
    if (failure_ == cudaSuccess) failure_ = status;
  }
  static Result<void> taken_by(cudaError_t status) {
    if (status == cudaSuccess) return {};
    cudaGetLastError();  // the next call is not to be told of it
    return tl::unexpected(error_of(status));
  }

  std::string name_;
  LaunchPlace place_;
  std::unique_ptr<LtMatmul> matmul_;
  cudaError_t failure_ = cudaSuccess;
  cudaError_t failure_before_ = cudaSuccess;  // when the recording began
  bool is_recording_ = false;
};

}  // namespace

Result<std::unique_ptr<Device>> open_cuda_device(const CudaDeviceOptions& options) {
  int count = 0;
  cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    cudaGetLastError();
    return fail(ErrorCode::engine_failed,
                "CUDA finds no GPU" +
                    (status == cudaSuccess ? std::string()
                                           : std::string(": ") + cudaGetErrorString(status)) +
                    ".");
  }
  cudaDeviceProp properties = {};
  status = cudaGetDeviceProperties(&properties, 0);
  if (status == cudaSuccess && properties.major < kOldestMajor) {
    return fail(
        ErrorCode::engine_failed,
        std::string(properties.name) + " is older than the GPUs that Hearth knows (Ampere).");
  }
  LaunchPlace place;
  place.num_processors = properties.multiProcessorCount;
  place.overlaps = options.overlaps_launches && properties.major >= kOverlappingMajor;
  if (status == cudaSuccess) status = cudaSetDevice(0);
  if (status == cudaSuccess)
    status = cudaStreamCreateWithFlags(&place.stream, cudaStreamNonBlocking);
  if (status != cudaSuccess) return tl::unexpected(error_of(status));
  auto matmul = LtMatmul::open({place.stream, options.times_algorithms});
  if (!matmul) {
    cudaStreamDestroy(place.stream);
    return tl::unexpected(matmul.error());
  }
  return std::make_unique<CudaDevice>(properties, place, std::move(*matmul));
}

}  // namespace hearth::engine::cuda

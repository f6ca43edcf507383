// Matrix products by cublasLt, which is opened when the first GPU is: nothing links against its
// half gigabyte. Internal to the .cu files.
#pragma once

#include <map>
#include <memory>
#include <tuple>

#include <cublasLt.h>
#include <cuda_runtime.h>

#include "engine/base/error.h"
#include "engine/cuda/kernels/arguments.h"

namespace hearth::engine::cuda {

// One thread, one stream; must not outlive the device.
class LtMatmul {
 public:
  struct Options {
    cudaStream_t stream = nullptr;
    bool times_algorithms = true;
  };

  // Errors: engine_failed (the library is not found), out_of_memory (its workspace).
  static Result<std::unique_ptr<LtMatmul>> open(const Options& options);
  ~LtMatmul();
  LtMatmul(const LtMatmul&) = delete;
  LtMatmul& operator=(const LtMatmul&) = delete;

  // Queues out (+)= x · matrixᵀ. While a step is recorded (`is_recording`) algorithms are not
  // timed: those of a size that has come before are used.
  cudaError_t run(const MatmulArgs& args, bool is_recording);

 private:
  struct Library;
  struct Problem;
  // rows, k, numbers, tokens rounded up, accumulate
  using Key = std::tuple<int, int, Numbers, int, bool>;

  LtMatmul(std::unique_ptr<Library> library, const Options& options);
  cublasLtMatmulAlgo_t choose(const Problem& problem, const MatmulArgs& args, bool is_recording,
                              bool& is_found);
  float milliseconds(const Problem& problem, const MatmulArgs& args,
                     const cublasLtMatmulAlgo_t& algorithm, float* scratch);

  std::unique_ptr<Library> library_;
  Options options_;
  cublasLtHandle_t handle_ = nullptr;
  void* workspace_ = nullptr;
  std::map<Key, cublasLtMatmulAlgo_t> chosen_;
};

}  // namespace hearth::engine::cuda

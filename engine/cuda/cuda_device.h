// The first GPU that CUDA shows (CUDA_VISIBLE_DEVICES chooses), on one stream. Compiled by nvcc, in
// builds with HEARTH_CUDA; no CUDA header here.
#pragma once

#include <memory>

#include "engine/base/error.h"
#include "engine/cuda/device.h"

namespace hearth::engine::cuda {

struct CudaDeviceOptions {
  // A kernel is set up while the one before it still runs (programmatic dependent launch); from
  // Hopper on.
  bool overlaps_launches = true;
  // The fastest of several of cublasLt's algorithms is timed when a size first comes; else its own
  // first choice.
  bool times_algorithms = true;
};

// Errors: engine_failed (no driver, no device, older than Ampere, no cublasLt).
Result<std::unique_ptr<Device>> open_cuda_device(const CudaDeviceOptions& options = {});

}  // namespace hearth::engine::cuda

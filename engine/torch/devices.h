// Which devices a model may be put on, and in which dtype each of them computes it.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/placement.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/checkpoint/tensor_view.h"
#include "engine/torch/torch.h"

namespace hearth::engine {

// Of a GPU whose driver does not say: the model is tried there and nowhere else.
constexpr std::int64_t kUnknownFreeBytes = std::numeric_limits<std::int64_t>::max() / 4;

struct DeviceChoice {
  at::TensorOptions place;  // dtype and device
  PlacementDevice device;
};

// stored: the dtype of the folder's weights. A family that leaves fp16's range is computed in bf16
// where its weights are fp16. Errors: dtype_unsupported (fp16 on the CPU or for such a family, int8
// and int4).
Result<at::ScalarType> choose_dtype(ComputeDtype wanted, bool is_gpu, const ModelSpec& spec,
                                    Dtype stored);

// The GPUs in CUDA's order, then (unless the GPUs alone were asked for) the CPU for what they
// cannot hold; the CPU alone without any. Errors: engine_failed (no such device), those of
// choose_dtype.
Result<std::vector<DeviceChoice>> choose_devices(const RunnerOptions& options,
                                                 const ModelSpec& spec, Dtype stored);

const char* name_of(at::ScalarType dtype);

}  // namespace hearth::engine

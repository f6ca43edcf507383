#include "engine/torch/devices.h"

#include <string>

#include <torch/cuda.h>

#include "engine/base/gpu_memory.h"
#include "engine/base/memory.h"

namespace hearth::engine {
namespace {

DeviceChoice choice(const at::Device& device, at::ScalarType dtype, std::int64_t free_bytes) {
  return {at::TensorOptions(dtype).device(device),
          {device.is_cpu() ? "cpu" : device.str(), free_bytes,
           static_cast<std::int64_t>(c10::elementSize(dtype)), device.is_cpu()}};
}

}  // namespace

Result<at::ScalarType> choose_dtype(ComputeDtype wanted, bool is_gpu, const ModelSpec& spec,
                                    Dtype stored) {
  const bool overflows = spec.norm == NormKind::rms_unit_offset;  // Gemma (models §8.2)
  switch (wanted) {
    case ComputeDtype::fp32:
      return at::kFloat;
    case ComputeDtype::bf16:
      return at::kBFloat16;
    case ComputeDtype::fp16:
      if (is_gpu && overflows) {
        return fail(ErrorCode::dtype_unsupported,
                    spec.architecture + " leaves the range of fp16; choose bf16 or fp32.");
      }
      if (is_gpu) return at::kHalf;
      return fail(ErrorCode::dtype_unsupported,
                  "fp16 needs a GPU; on the CPU choose fp32 or bf16.");
    case ComputeDtype::int8:
    case ComputeDtype::int4:
      return fail(ErrorCode::dtype_unsupported,
                  "int8 and int4 are computed by the packed CPU decoder only, which does not know "
                  "this model or device; choose fp32 or bf16.");
    case ComputeDtype::automatic:
      break;
  }
  if (!is_gpu) return at::kFloat;
  if (stored == Dtype::f16) return overflows ? at::kBFloat16 : at::kHalf;
  return stored == Dtype::bf16 ? at::kBFloat16 : at::kFloat;
}

Result<std::vector<DeviceChoice>> choose_devices(const RunnerOptions& options,
                                                 const ModelSpec& spec, Dtype stored) {
  const bool has_cuda = torch::cuda::is_available();
  if (options.device == ComputeDevice::cuda && !has_cuda) {
    return fail(ErrorCode::engine_failed, "This build of libtorch finds no CUDA device.");
  }
  const bool is_gpu = has_cuda && options.device != ComputeDevice::cpu;
  const auto dtype = choose_dtype(options.dtype, is_gpu, spec, stored);
  if (!dtype) return tl::unexpected(dtype.error());
  if (!is_gpu) return std::vector{choice(at::kCPU, *dtype, available_memory())};

  const std::vector<std::int64_t> free = free_gpu_memory();
  if (free.empty()) return std::vector{choice(at::Device(at::kCUDA, 0), *dtype, kUnknownFreeBytes)};
  std::vector<DeviceChoice> devices;
  for (std::size_t i = 0; i < free.size(); ++i) {
    const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(i));
    devices.push_back(choice(device, *dtype, free[i]));
  }
  if (options.device == ComputeDevice::cuda) return devices;
  // The CPU has no fp16 of its own, and fp32 holds all of it.
  const at::ScalarType on_host = *dtype == at::kHalf ? at::kFloat : *dtype;
  devices.push_back(choice(at::kCPU, on_host, available_memory()));
  return devices;
}

const char* name_of(at::ScalarType dtype) {
  if (dtype == at::kFloat) return "fp32";
  return dtype == at::kBFloat16 ? "bf16" : "fp16";
}

}  // namespace hearth::engine

// The launches of one step, in order: from ids on the device to logits on the device. Every address
// and size it hands out depends on the step's shape alone, so that its launches can be recorded.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/checkpoint/model_spec.h"
#include "engine/cuda/device.h"
#include "engine/cuda/device_weights.h"
#include "engine/cuda/step_memory.h"
#include "engine/cuda/step_plan.h"

namespace hearth::engine::cuda {

struct CachePlace {
  std::byte* data = nullptr;
  CacheShape shape;
  std::int64_t num_blocks = 0;  // with the one for padding
};

struct OutputPlace {
  float* outputs = nullptr;    // CudaDecoder::output_floats
  void* head_input = nullptr;  // [num_logits, padded C] activations
};

// Does not own what it is given. The engine thread.
class LayerLauncher {
 public:
  LayerLauncher(Device& device, const ModelSpec& spec, Numbers numbers,
                const DeviceWeights& weights, const StepMemory& memory, CachePlace cache);

  void run(const StepShape& shape, const OutputPlace& place);

 private:
  void attention_block(const LayerWeights& layer, std::int64_t index);
  void mlp_block(const LayerWeights& layer);
  void outputs(const OutputPlace& place);

  bool is_small() const { return shape_.num_tokens <= kMaxGemvTokens; }
  NormArgs norm(const float* weight, const float* input) const;
  HeadArgs heads(std::int64_t layer) const;

  // norm(residual) as activations, for what cannot norm for itself.
  void normalise(const float* weight);
  // A Gemv of the step's tokens over norm(residual), fused where the rows fit.
  GemvArgs gemv_over_norm(const Matrix& matrix, const float* norm_weight);
  GemvArgs gemv(const Matrix& matrix, const void* x, int num_tokens) const;
  void matmul(const Matrix& matrix, const void* x, int num_tokens, float* out, bool accumulate);
  // residual += matrix · x + bias, through norm first where the family has one there.
  void add_to_residual(const Matrix& matrix, const void* x, const float* bias, const float* after);

  const std::int32_t* input(std::size_t offset) const {
    return memory_.inputs.as<std::int32_t>() + offset;
  }

  Device& device_;
  const ModelSpec& spec_;
  Numbers numbers_;
  const DeviceWeights& weights_;
  const StepMemory& memory_;
  CachePlace cache_;
  StepShape shape_;  // of the present step
};

}  // namespace hearth::engine::cuda

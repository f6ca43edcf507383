// All parameters of the shared decoder on a device: matrices as stored there, vectors in fp32.
#pragma once

#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/cuda/device.h"

namespace hearth::engine::cuda {

// Pointers into DeviceWeights::memory; vectors that the model does not have are null.
struct LayerWeights {
  const float* input_norm = nullptr;           // [C]
  const float* post_attention_norm = nullptr;  // [C]
  const float* pre_mlp_norm = nullptr;         // [C]  sandwich norms only
  const float* post_mlp_norm = nullptr;        // [C]  sandwich norms only
  const float* q_norm = nullptr;               // [D]
  const float* k_norm = nullptr;               // [D]
  Matrix qkv;                                  // rows: q heads, k heads, v heads
  Matrix o;
  Matrix gate_up;  // gate rows, then up rows
  Matrix down;
  const float* qkv_bias = nullptr;
  const float* o_bias = nullptr;
  const float* gate_up_bias = nullptr;
  const float* down_bias = nullptr;
};

struct DeviceWeights {
  std::vector<Buffer> memory;
  Matrix embedding;  // [V, C]
  Matrix head;       // the embedding where they are tied
  const float* final_norm = nullptr;
  std::vector<LayerWeights> layers;
};

// Copies one tensor after the other from the mapped files through two pinned buffers, converting or
// quantising rows on the way, and releases its pages. Errors: tensor_missing,
// tensor_shape_mismatch, dtype_unsupported, out_of_memory (the device's), engine_failed.
Result<DeviceWeights> load_device_weights(Device& device, const Checkpoint& checkpoint,
                                          const ModelSpec& spec, Numbers numbers,
                                          const ProgressSink& progress);

}  // namespace hearth::engine::cuda

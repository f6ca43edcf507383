// The parameters of the shared decoder, in the dtype and on the device that compute with them.
#pragma once

#include <vector>

#include "engine/checkpoint/model_spec.h"
#include "engine/torch/ops.h"
#include "engine/torch/torch.h"
#include "engine/torch/weight_loader.h"

namespace hearth::engine {

struct LayerWeights {
  at::Tensor input_norm;  // [C]
  Linear qkv;             // [(H + 2 Hkv) · D, C]: q rows, k rows, v rows, whatever the file has;
                          // undefined in networks that project in their own way
  at::Tensor q_norm;      // [D], or undefined
  at::Tensor k_norm;
  Linear o;                        // [C, H · D]
  at::Tensor post_attention_norm;  // [C]
  at::Tensor pre_mlp_norm;         // [C] with sandwich norms, else undefined
  at::Tensor post_mlp_norm;
  Linear gate_up;  // [2 I, C]: gate rows first
  Linear down;     // [C, I]
};

struct DecoderWeights {
  at::Tensor embedding;  // [V, C]
  std::vector<LayerWeights> layers;
  at::Tensor final_norm;  // [C]
  Linear head;            // [V, C], or [labels, C] of a classifier; the embedding itself when tied

  // Throws what WeightLoader does.
  static DecoderWeights load(WeightLoader& loader, const ModelSpec& spec);
};

}  // namespace hearth::engine

// ChatGLM-6B (models §4.8): the prompt sees all of itself, what follows is causal; each head turns
// by two positions at once; a sub-layer is added to its own normalised input, enlarged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/torch/ops.h"
#include "engine/torch/torch_runner.h"
#include "engine/torch/weight_loader.h"

namespace hearth::engine {

struct Glm1LayerWeights {
  LayerNorm input_norm;           // [C]
  Linear qkv;                     // [H · 3 · D, C]: of each head q, k, v
  Linear dense;                   // [C, C]
  LayerNorm post_attention_norm;  // [C]
  Linear up;                      // [I, C]
  Linear down;                    // [C, I]
};

struct Glm1Weights {
  at::Tensor embedding;  // [V, C]
  std::vector<Glm1LayerWeights> layers;
  LayerNorm final_norm;  // [C]
  Linear head;           // [V, C]

  // Throws what WeightLoader does.
  static Glm1Weights load(WeightLoader& loader, const ModelSpec& spec);
};

// A prompt is one chunk and is not cached: traits say so. Decodes batch as in any other decoder.
class Glm1Decoder final : public TorchRunner {
 public:
  Glm1Decoder(TorchRunnerParts parts, Glm1Weights weights);

 private:
  std::string check_row(const BatchRow& row) const override;
  at::Tensor forward(Step& step) override;
  at::Tensor finish(const at::Tensor& hidden) const override;
  at::Tensor scores(const at::Tensor& finished) const override;

  void make_rotations(const Step& step);
  at::Tensor rotated(const at::Tensor& x) const;
  at::Tensor attention_block(const Step& step, std::int64_t layer, const at::Tensor& x);

  Glm1Weights weights_;
  at::Tensor inv_freq_;      // [D / 4] float
  Rotation text_rotation_;   // of the step that is being computed: the first half of each head
  Rotation block_rotation_;  // the second half
};

}  // namespace hearth::engine

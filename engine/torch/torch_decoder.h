// The reference decoder: the shared pre-norm decoder of models §2 written with libtorch operators,
// any device, fp32, bf16 and (on a GPU) fp16. Attention goes row by row over the paged cache.
#pragma once

#include <cstdint>

#include "engine/torch/decoder_weights.h"
#include "engine/torch/ops.h"
#include "engine/torch/torch_runner.h"

namespace hearth::engine {

class TorchDecoder : public TorchRunner {
 public:
  TorchDecoder(TorchRunnerParts parts, DecoderWeights weights);

 protected:
  at::Tensor forward(Step& step) override;
  at::Tensor finish(const at::Tensor& hidden) const override;
  at::Tensor scores(const at::Tensor& finished) const override;

  // Queries, keys and values of a layer from its normed input x [T, C]: [T, (H + 2 Hkv) · D].
  virtual at::Tensor project(const Step& step, std::int64_t layer, const at::Tensor& x);

 private:
  void make_rotations(const Step& step);
  at::Tensor attention_block(const Step& step, std::int64_t layer, const at::Tensor& x);

  DecoderWeights weights_;
  at::Tensor inv_freq_;        // [dim / 2] float
  at::Tensor local_inv_freq_;  // undefined without local rope
  float attention_factor_ = 1.0F;
  float local_attention_factor_ = 1.0F;
  Rotation rotation_;  // of the step that is being computed
  Rotation local_rotation_;
};

}  // namespace hearth::engine

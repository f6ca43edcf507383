// The reference decoder: the shared pre-norm decoder of models §2 written with libtorch operators,
// any device, fp32, bf16 and (on a GPU) fp16. One ragged step: all rows' tokens share every matrix
// product; attention goes row by row over the paged cache. A step copies neither weights nor cache;
// its only device-to-host copy is what the rows asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/checkpoint/model_spec.h"
#include "engine/runtime/step_runner.h"
#include "engine/torch/decoder_weights.h"
#include "engine/torch/kv_cache.h"
#include "engine/torch/torch.h"

namespace hearth::engine {

struct TorchDecoderParts {
  ModelSpec spec;
  DecoderWeights weights;
  std::unique_ptr<KvCache> cache;
  at::TensorOptions options;  // dtype and device of weights and cache
  RunnerTraits traits;
};

// Engine thread only, but may be constructed on another.
class TorchDecoder : public StepRunner {
 public:
  explicit TorchDecoder(TorchDecoderParts parts);

  const RunnerTraits& traits() const override { return traits_; }

  // Errors: out_of_memory, engine_failed (libtorch's own). A row that does not fit the model or the
  // cache, or whose result is not a number, fails alone.
  Result<StepResult> run(const Batch& batch) override;

 private:
  struct Step;

  StepResult run_step(const Batch& batch);
  std::string check_row(const BatchRow& row) const;
  at::Tensor forward(const Step& step) const;
  at::Tensor attention_block(const Step& step, std::int64_t layer, const at::Tensor& x) const;
  void collect(const Step& step, const at::Tensor& hidden, StepResult& result);

  ModelSpec spec_;
  DecoderWeights weights_;
  std::unique_ptr<KvCache> cache_;
  at::TensorOptions options_;
  RunnerTraits traits_;
  at::Tensor inv_freq_;        // [dim / 2] float, on the device
  at::Tensor local_inv_freq_;  // undefined without local rope
  float attention_factor_ = 1.0F;
  float local_attention_factor_ = 1.0F;
  at::Tensor output_;  // what the last step's results point into, on the host
};

}  // namespace hearth::engine

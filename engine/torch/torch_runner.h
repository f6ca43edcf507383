// What every network on libtorch shares: rows are checked, their tokens laid side by side, the
// network computes them, and the rows that ask get scores. One ragged step: all rows' tokens share
// every matrix product. A step copies neither weights nor cache; its only device-to-host copy is
// what the rows asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/checkpoint/model_spec.h"
#include "engine/runtime/step_runner.h"
#include "engine/torch/kv_cache.h"
#include "engine/torch/places.h"
#include "engine/torch/torch.h"

namespace hearth::engine {

struct TorchRunnerParts {
  ModelSpec spec;
  RunnerTraits traits;
  Places places;                   // of weights and cache
  std::unique_ptr<KvCache> cache;  // null for an encoder
};

// Engine thread only, but may be constructed on another.
class TorchRunner : public StepRunner {
 public:
  const RunnerTraits& traits() const override { return traits_; }

  // Errors: out_of_memory, engine_failed (libtorch's own). A row that does not fit the model or the
  // cache, or whose result is not a number, fails alone.
  Result<StepResult> run(const Batch& batch) final;

 protected:
  // What one step computes on: the rows that are fit to run, their tokens side by side.
  struct Step {
    struct Row {
      const BatchRow* row = nullptr;
      std::size_t index = 0;   // in the batch
      std::int64_t first = 0;  // of its tokens among the T of the step
      std::int64_t count = 0;
    };
    std::vector<Row> rows;
    std::int64_t num_tokens = 0;
    at::Tensor ids;        // [T]
    at::Tensor positions;  // [T]
    at::Tensor slots;      // [T], where each token's key and value go
  };

  explicit TorchRunner(TorchRunnerParts parts);

  // The sentence for a row that cannot run, or empty.
  virtual std::string check_row(const BatchRow& row) const;
  // The network's last hidden states, [T, C]. It begins where the embedding is, and moves the step
  // on by enter_layer.
  virtual at::Tensor forward(Step& step) = 0;
  // What a row that asks for `hidden` gets, and what scores() begins with: [n, C] of forward's.
  virtual at::Tensor finish(const at::Tensor& hidden) const = 0;
  // [n, C] of finish's → [n, V] or [n, labels], float.
  virtual at::Tensor scores(const at::Tensor& finished) const = 0;
  // Whose token the row's single score is.
  virtual std::int64_t scored_token(const Step::Row& row) const {
    return row.first + row.count - 1;
  }

  // Brings the residual stream h, and what of the step the layers need, to where the layer is.
  // True: that is another place than before, and what was made for that one must be made anew.
  bool enter_layer(std::int64_t layer, Step& step, at::Tensor& h);

  at::ScalarType dtype() const { return c10::typeMetaToScalarType(options_.dtype()); }
  at::Tensor on_device(const std::vector<float>& values) const;
  at::Tensor on_device(const std::vector<std::int64_t>& values) const;

  ModelSpec spec_;
  RunnerTraits traits_;
  Places places_;
  at::TensorOptions options_;  // the place of the step that is being computed
  std::unique_ptr<KvCache> cache_;

 private:
  bool enter(const at::TensorOptions& place, Step& step, at::Tensor& h);
  StepResult run_step(const Batch& batch);
  void collect(const Step& step, const at::Tensor& hidden, StepResult& result);

  at::Tensor output_;  // what the last step's results point into, on the host
};

}  // namespace hearth::engine

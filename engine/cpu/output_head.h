// The end of a step: the final norm of the rows that are wanted, and the head's logits of those
// that sample.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/checkpoint/model_spec.h"
#include "engine/cpu/attention.h"
#include "engine/cpu/cpu_weights.h"
#include "engine/cpu/product_input.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine::cpu {

// Of the engine thread; everything it is given must outlive it.
class OutputHead {
 public:
  OutputHead(const ModelSpec& spec, const CpuWeights& weights, const KernelTable& kernels,
             WorkerPool& pool, ProductInput& input)
      : spec_(spec), weights_(weights), kernels_(kernels), pool_(pool), input_(input) {}

  // One result for each batch row. rows: where their tokens stand in residual [T, C]. A row with a
  // value that is not a number has an error instead. Valid until the next call.
  StepResult compute(const Batch& batch, std::span<const AttentionRow> rows, const float* residual);

 private:
  // Where a batch row's results stand among those of the step.
  struct Wanted {
    std::int64_t first = 0;
    std::int64_t count = 0;
  };

  void plan(const Batch& batch, std::span<const AttentionRow> rows);
  void compute_logits();
  RowResult result_of(RowOutput output, const Wanted& wanted) const;

  const ModelSpec& spec_;
  const CpuWeights& weights_;
  const KernelTable& kernels_;
  WorkerPool& pool_;
  ProductInput& input_;
  std::vector<std::int64_t>
      sources_;                  // rows of the residual that are wanted: for logits, then others
  std::int64_t num_logits_ = 0;  // of them
  std::vector<Wanted> wanted_;   // [batch rows]
  std::vector<float> states_;    // [sources, C]  after the norm
  std::vector<float> logits_;    // [num_logits, V]
};

}  // namespace hearth::engine::cpu

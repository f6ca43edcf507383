// The packed CPU decoder: the shared pre-norm decoder of models §2 on Hearth's own kernels and
// threads. No libtorch.
//
// A layer is a row of parallel regions: norm → qkv → rope and cache → attention → o → norm → gate
// and up → down. Weights are read once for the whole batch; every row's numbers are the same
// whatever the batch (P9: bit-identical logits).
#pragma once

#include <memory>
#include <string>

#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/cpu/packed_matrix.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine::cpu {

struct CpuDecoderOptions {
  RunnerOptions runner;
  WeightFormat format = WeightFormat::bf16;
  std::string kernels = "auto";  // see available_kernels()
};

// True when load() can run this model; otherwise TorchDecoder must.
bool can_run(const ModelSpec& spec);

// Bytes that all packed matrices of the model will take.
std::int64_t packed_bytes(const ModelSpec& spec, WeightFormat format);

// Reads and packs the weights; the checkpoint may be closed afterwards. Errors: those of
// load_cpu_weights; usage; out_of_memory when the weights would not fit into what is free.
Result<std::unique_ptr<StepRunner>> load_cpu_decoder(const Checkpoint& checkpoint,
                                                     const ModelSpec& spec,
                                                     const CpuDecoderOptions& options,
                                                     const ProgressSink& progress);

}  // namespace hearth::engine::cpu

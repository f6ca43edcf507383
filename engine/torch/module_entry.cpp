// The module's side of the door: builds the decoder that the spec asks for.
#include "engine/torch/module_entry.h"

#include <exception>
#include <memory>
#include <utility>

#include "engine/checkpoint/weight_map.h"
#include "engine/torch/decoder_weights.h"
#include "engine/torch/failure.h"
#include "engine/torch/kv_cache.h"
#include "engine/torch/run_plan.h"
#include "engine/torch/torch_decoder.h"

namespace hearth::engine {
namespace {

TorchModuleResult make_runner(const TorchModuleRequest& request) {
  const ModelSpec& spec = *request.spec;
  if (spec.network != Network::decoder) {
    return fail(ErrorCode::architecture_unsupported,
                "TorchDecoder does not compute " + spec.architecture + " yet.");
  }
  const auto weights = WeightMap::match(*request.checkpoint, spec);
  if (!weights) return tl::unexpected(weights.error());
  auto plan = make_run_plan(*weights, spec, *request.options);
  if (!plan) return tl::unexpected(plan.error());

  at::set_num_threads(plan->threads);
  const c10::InferenceMode guard;
  TorchDecoderParts parts;
  parts.spec = spec;
  parts.options = plan->options;
  parts.traits = plan->traits;
  parts.weights =
      DecoderWeights::load(*request.checkpoint, *weights, spec, plan->options, *request.progress);
  parts.cache =
      std::make_unique<KvCache>(KvShape{spec.num_layers, plan->traits.num_blocks,
                                        plan->traits.block_size, spec.num_kv_heads, spec.head_dim},
                                plan->options);
  return std::make_unique<TorchDecoder>(std::move(parts));
}

}  // namespace
}  // namespace hearth::engine

extern "C" {

[[gnu::visibility("default")]] std::uint64_t hearth_torch_module_abi() {
  return hearth::engine::torch_module_abi();
}

[[gnu::visibility("default")]] void hearth_make_torch_runner(
    const hearth::engine::TorchModuleRequest* request, hearth::engine::TorchModuleResult* result) {
  try {
    *result = hearth::engine::make_runner(*request);
  } catch (const std::exception& error) {
    *result = tl::unexpected(hearth::engine::failure_of(error));
  }
}

}  // extern "C"

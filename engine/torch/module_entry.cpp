// The module's side of the door: builds the decoder that the spec asks for.
#include "engine/torch/module_entry.h"

#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "engine/checkpoint/weight_map.h"
#include "engine/torch/bert_encoder.h"
#include "engine/torch/decoder_weights.h"
#include "engine/torch/failure.h"
#include "engine/torch/glm1_decoder.h"
#include "engine/torch/kv_cache.h"
#include "engine/torch/run_plan.h"
#include "engine/torch/torch_decoder.h"
#include "engine/torch/weight_loader.h"
#include "engine/torch/yuan_decoder.h"

namespace hearth::engine {
namespace {

std::unique_ptr<StepRunner> make_decoder(TorchRunnerParts parts, WeightLoader& loader) {
  const ModelSpec& spec = parts.spec;
  switch (spec.network) {
    case Network::decoder: {
      DecoderWeights weights = DecoderWeights::load(loader, spec);
      return std::make_unique<TorchDecoder>(std::move(parts), std::move(weights));
    }
    case Network::yuan2: {
      DecoderWeights weights = DecoderWeights::load(loader, spec);
      std::vector<YuanFilterWeights> filters;
      for (std::int64_t i = 0; i < spec.num_layers; ++i) {
        filters.push_back(YuanFilterWeights::load(loader, spec, i));
      }
      return std::make_unique<YuanDecoder>(std::move(parts), std::move(weights),
                                           std::move(filters));
    }
    case Network::chatglm1: {
      Glm1Weights weights = Glm1Weights::load(loader, spec);
      return std::make_unique<Glm1Decoder>(std::move(parts), std::move(weights));
    }
    case Network::bert: {
      BertWeights weights = BertWeights::load(loader, spec);
      return std::make_unique<BertEncoder>(std::move(parts), std::move(weights));
    }
  }
  return nullptr;
}

TorchModuleResult make_runner(const TorchModuleRequest& request) {
  const ModelSpec& spec = *request.spec;
  const auto weights = WeightMap::match(*request.checkpoint, spec);
  if (!weights) return tl::unexpected(weights.error());
  auto plan = make_run_plan(*weights, spec, *request.options);
  if (!plan) return tl::unexpected(plan.error());

  at::set_num_threads(plan->threads);
  const c10::InferenceMode guard;
  TorchRunnerParts parts;
  parts.spec = spec;
  parts.options = plan->options;
  parts.traits = plan->traits;
  if (spec.network != Network::bert) {
    parts.cache = std::make_unique<KvCache>(
        KvShape{spec.num_layers, plan->traits.num_blocks, plan->traits.block_size,
                spec.num_kv_heads, spec.head_dim},
        plan->options);
  }
  WeightLoader loader(*request.checkpoint, *weights, plan->options, *request.progress);
  auto runner = make_decoder(std::move(parts), loader);
  loader.report_end();
  return runner;
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

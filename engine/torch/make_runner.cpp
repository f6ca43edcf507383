#include "engine/torch/make_runner.h"

#include <utility>
#include <vector>

#include "engine/torch/bert_encoder.h"
#include "engine/torch/decoder_weights.h"
#include "engine/torch/glm1_decoder.h"
#include "engine/torch/kv_cache.h"
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
        loader.begin_layer(i);
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

}  // namespace

std::unique_ptr<StepRunner> make_torch_runner(const Checkpoint& checkpoint,
                                              const WeightMap& weights, const ModelSpec& spec,
                                              const RunPlan& plan, const ProgressSink& progress) {
  at::set_num_threads(plan.threads);
  const c10::InferenceMode guard;
  TorchRunnerParts parts;
  parts.spec = spec;
  parts.places = plan.places;
  parts.traits = plan.traits;
  if (spec.network != Network::bert) {
    parts.cache = std::make_unique<KvCache>(
        KvShape{plan.traits.num_blocks, plan.traits.block_size, spec.num_kv_heads, spec.head_dim},
        plan.places.layers);
  }
  WeightLoader loader(checkpoint, weights, plan.places, progress);
  auto runner = make_decoder(std::move(parts), loader);
  loader.report_end();
  return runner;
}

}  // namespace hearth::engine

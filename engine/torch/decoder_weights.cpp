#include "engine/torch/decoder_weights.h"

#include <cstdint>
#include <string>
#include <utility>

namespace hearth::engine {
namespace {

LayerWeights load_layer(WeightLoader& loader, const ModelSpec& spec, std::int64_t index) {
  const TensorNames& names = spec.names;
  const std::string layer = layer_prefix(spec, index);
  const auto norm = [&](const std::string& path) { return loader.load(layer + path + ".weight"); };

  LayerWeights weights;
  weights.input_norm = norm(names.input_norm);
  if (spec.network == Network::decoder)
    weights.qkv =
        spec.fused_qkv
            ? loader.linear({layer + names.qkv_proj}, spec.qkv_bias)
            : loader.linear({layer + names.q_proj, layer + names.k_proj, layer + names.v_proj},
                            spec.qkv_bias);
  if (spec.qk_norm) {
    weights.q_norm = norm(names.q_norm);
    weights.k_norm = norm(names.k_norm);
  }
  weights.o = loader.linear({layer + names.o_proj}, spec.o_bias);
  weights.post_attention_norm = norm(names.post_attention_norm);
  if (spec.sandwich_norms) {
    weights.pre_mlp_norm = norm(names.pre_mlp_norm);
    weights.post_mlp_norm = norm(names.post_mlp_norm);
  }
  weights.gate_up =
      spec.fused_gate_up
          ? loader.linear({layer + names.gate_up_proj}, spec.mlp_bias)
          : loader.linear({layer + names.gate_proj, layer + names.up_proj}, spec.mlp_bias);
  weights.down = loader.linear({layer + names.down_proj}, spec.mlp_bias);
  return weights;
}

}  // namespace

DecoderWeights DecoderWeights::load(WeightLoader& loader, const ModelSpec& spec) {
  DecoderWeights weights;
  weights.embedding = loader.load(spec.names.embedding + ".weight");
  for (std::int64_t i = 0; i < spec.num_layers; ++i) {
    loader.begin_layer(i);
    weights.layers.push_back(load_layer(loader, spec, i));
  }
  loader.begin_tail();
  weights.final_norm = loader.load(spec.names.final_norm + ".weight");
  if (spec.is_classifier()) {
    weights.head.weight = loader.load(spec.names.score + ".weight");
  } else if (loader.map().head_is_embedding()) {
    weights.head.weight = weights.embedding;
  } else {
    weights.head.weight = loader.load(spec.names.lm_head + ".weight");
  }
  return weights;
}

}  // namespace hearth::engine

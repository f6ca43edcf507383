#include "engine/checkpoint/model_json.h"

#include <nlohmann/json.hpp>

namespace hearth::engine {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(RopeKind kind) {
  switch (kind) {
    case RopeKind::standard:
      return "default";
    case RopeKind::linear:
      return "linear";
    case RopeKind::llama3:
      return "llama3";
    case RopeKind::yarn:
      return "yarn";
    case RopeKind::longrope:
      return "longrope";
  }
  return "";
}

}  // namespace

nlohmann::ordered_json to_json(const Module& module) {
  Json json = {{"name", module.name}, {"parameters", module.num_parameters}};
  if (module.num_copies > 1) json["copies"] = module.num_copies;
  if (!module.kind.empty()) json["kind"] = module.kind;
  if (!module.detail.empty()) json["detail"] = module.detail;
  if (!module.dtype.empty()) json["dtype"] = module.dtype;
  for (const Module& child : module.children) json["children"].push_back(to_json(child));
  return json;
}

nlohmann::ordered_json to_json(const ModelSpec& spec) {
  Json windows = Json::array();
  for (const LayerSpec& layer : spec.layers) windows.push_back(layer.window);
  return {{"model_type", spec.model_type},
          {"architecture", spec.architecture},
          {"vocab_size", spec.vocab_size},
          {"hidden_size", spec.hidden_size},
          {"intermediate_size", spec.intermediate_size},
          {"num_hidden_layers", spec.num_layers},
          {"num_attention_heads", spec.num_heads},
          {"num_key_value_heads", spec.num_kv_heads},
          {"head_dim", spec.head_dim},
          {"max_position_embeddings", spec.context_length},
          {"rms_norm_eps", spec.norm_eps},
          {"rope_type", name_of(spec.rope.kind)},
          {"rope_theta", spec.rope.theta},
          {"rope_factor", spec.rope.factor},
          {"tie_word_embeddings", spec.tied_embeddings},
          {"attention_windows", windows},
          {"num_labels", spec.num_labels},
          {"eos_token_ids", spec.eos_token_ids}};
}

}  // namespace hearth::engine

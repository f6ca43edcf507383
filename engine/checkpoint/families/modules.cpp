// The modules of the shared pre-norm decoder (models §2.1).
#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

class ModuleList {
 public:
  explicit ModuleList(ModelSpec& spec) : spec_(spec) {}

  void linear(const std::string& path, std::int64_t out, std::int64_t in, bool has_bias) {
    spec_.modules.push_back({path, ModuleKind::linear, {out, in}, has_bias});
  }
  void norm(const std::string& path, std::int64_t size) {
    spec_.modules.push_back({path, ModuleKind::rms_norm, {size}, false, spec_.norm_eps});
  }

 private:
  ModelSpec& spec_;
};

void list_attention(ModuleList& list, const ModelSpec& spec, const std::string& layer) {
  const TensorNames& names = spec.names;
  const std::int64_t q = spec.num_heads * spec.head_dim;
  const std::int64_t kv = spec.num_kv_heads * spec.head_dim;
  if (spec.fused_qkv) {
    list.linear(layer + names.qkv_proj, q + 2 * kv, spec.hidden_size, spec.qkv_bias);
  } else {
    list.linear(layer + names.q_proj, q, spec.hidden_size, spec.qkv_bias);
    list.linear(layer + names.k_proj, kv, spec.hidden_size, spec.qkv_bias);
    list.linear(layer + names.v_proj, kv, spec.hidden_size, spec.qkv_bias);
  }
  if (spec.qk_norm) {
    list.norm(layer + names.q_norm, spec.head_dim);
    list.norm(layer + names.k_norm, spec.head_dim);
  }
  list.linear(layer + names.o_proj, spec.hidden_size, q, spec.o_bias);
}

void list_mlp(ModuleList& list, const ModelSpec& spec, const std::string& layer) {
  const TensorNames& names = spec.names;
  if (spec.fused_gate_up) {
    list.linear(layer + names.gate_up_proj, 2 * spec.intermediate_size, spec.hidden_size,
                spec.mlp_bias);
  } else {
    list.linear(layer + names.gate_proj, spec.intermediate_size, spec.hidden_size, spec.mlp_bias);
    list.linear(layer + names.up_proj, spec.intermediate_size, spec.hidden_size, spec.mlp_bias);
  }
  list.linear(layer + names.down_proj, spec.hidden_size, spec.intermediate_size, spec.mlp_bias);
}

}  // namespace

void list_decoder_modules(ModelSpec& spec) {
  const TensorNames& names = spec.names;
  const std::string layer = names.layer + ".";
  ModuleList list(spec);
  spec.modules.push_back(
      {names.embedding, ModuleKind::embedding, {spec.vocab_size, spec.hidden_size}});
  list.norm(layer + names.input_norm, spec.hidden_size);
  list_attention(list, spec, layer);
  list.norm(layer + names.post_attention_norm, spec.hidden_size);
  if (spec.sandwich_norms) list.norm(layer + names.pre_mlp_norm, spec.hidden_size);
  list_mlp(list, spec, layer);
  if (spec.sandwich_norms) list.norm(layer + names.post_mlp_norm, spec.hidden_size);
  list.norm(names.final_norm, spec.hidden_size);
  if (spec.is_classifier()) {
    list.linear(names.score, spec.num_labels, spec.hidden_size, false);
  } else if (!spec.tied_embeddings) {
    list.linear(names.lm_head, spec.vocab_size, spec.hidden_size, false);
  }
}

}  // namespace hearth::engine

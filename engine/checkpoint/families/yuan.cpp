#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

// The filter's norm takes its class default, whatever config.json says.
constexpr double kFilterEps = 1e-6;

// A decoder whose queries and keys see the input through two causal convolutions (models §4.7).
void list_modules(ModelSpec& spec) {
  const std::int64_t size = spec.hidden_size;
  const TensorNames& names = spec.names;
  const std::string layer = names.layer + ".";
  const std::string filter = layer + "self_attn.lf_gate.";
  const auto linear = [&](const std::string& path, std::int64_t out, std::int64_t in) {
    spec.modules.push_back({layer + path, ModuleKind::linear, {out, in}});
  };
  const auto norm = [&](const std::string& path, double eps) {
    spec.modules.push_back({path, ModuleKind::rms_norm, {size}, false, eps});
  };
  spec.modules.push_back({names.embedding, ModuleKind::embedding, {spec.vocab_size, size}});
  norm(layer + names.input_norm, spec.norm_eps);
  linear(names.v_proj, size, size);
  spec.modules.push_back({filter + "conv1", ModuleKind::convolution, {size / 2, size, 2, 1}, true});
  spec.modules.push_back({filter + "conv2", ModuleKind::convolution, {size, size / 2, 2, 1}, true});
  norm(filter + "output_layernorm", kFilterEps);
  linear(names.q_proj, size, size);
  linear(names.k_proj, size, size);
  linear(names.o_proj, size, size);
  norm(layer + names.post_attention_norm, spec.norm_eps);
  linear(names.gate_proj, spec.intermediate_size, size);
  linear(names.up_proj, spec.intermediate_size, size);
  linear(names.down_proj, size, spec.intermediate_size);
  norm(names.final_norm, spec.norm_eps);
  if (!spec.tied_embeddings) {
    spec.modules.push_back({names.lm_head, ModuleKind::linear, {spec.vocab_size, size}});
  }
}

void describe(ConfigReader& config, ModelSpec& spec) {
  spec.network = Network::yuan2;
  describe_decoder(config, spec,
                   {.vocab_size = 135040,
                    .hidden_size = 2048,
                    .intermediate_size = 8192,
                    .num_layers = 24,
                    .num_heads = 32,
                    .context_length = 8192,
                    .tied_embeddings = true});
  if (spec.num_kv_heads != spec.num_heads || spec.num_heads % 2 != 0 ||
      spec.num_heads * spec.head_dim != spec.hidden_size) {
    config.report("num_attention_heads", "even, a divisor of hidden_size, with as many key heads");
  }
  if (config.boolean("use_shareqk", false)) {
    config.refuse(ErrorCode::architecture_unsupported,
                  config.where() + ": a Yuan folder with use_shareqk is not supported.");
  }
  // The activation is on up_proj: what others call the gate.
  spec.names.gate_proj = "mlp.up_proj";
  spec.names.up_proj = "mlp.gate_proj";
  list_modules(spec);
}

}  // namespace

const Family kYuanFamily = {"yuan", "Yuan", "Yuan2-2B (Mars, Februa, Janus)",
                            "IEITYuan/Yuan2-2B-Mars-hf; Yuan-2.0's yuan_hf_model.py", describe};

}  // namespace hearth::engine

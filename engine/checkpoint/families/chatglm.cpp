// Three models share model_type "chatglm": ChatGLM-6B has a network of its own, ChatGLM2 and 3 are
// the shared decoder under other names (models §4.8, §4.9).
#include <cmath>
#include <string>

#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

// ChatGLM-6B never tells its blocks how many layers there are; each believes in 28.
constexpr double kGlm1Layers = 28.0;

void refuse_unless(ConfigReader& config, bool is_fine, const std::string& what) {
  if (is_fine) return;
  config.refuse(ErrorCode::architecture_unsupported,
                config.where() + ": a ChatGLM folder with " + what + " is not supported.");
}

void describe_common(ConfigReader& config, ModelSpec& spec) {
  spec.hidden_size = config.integer("hidden_size", 4096, 1, kSizeMax);
  spec.num_layers = config.integer("num_layers", 28, 1, kLayersMax);
  spec.num_heads = config.integer("num_attention_heads", 32, 1, kSizeMax);
  spec.norm_eps = config.number("layernorm_epsilon", 1e-5, 0.0, 1.0);
  spec.layers.assign(static_cast<std::size_t>(spec.num_layers), LayerSpec{});
  spec.qkv_bias = true;
  spec.names.base = "transformer.";
  const bool is_plain = config.integer("quantization_bit", 0, 0) == 0;
  refuse_unless(config, is_plain, "quantization_bit");
  refuse_unless(config, !config.has("pre_seq_len"), "pre_seq_len (a p-tuning prefix)");
}

void list_glm1_modules(ModelSpec& spec) {
  const std::int64_t size = spec.hidden_size;
  const TensorNames& names = spec.names;
  const std::string layer = names.layer + ".";
  const auto norm = [&](const std::string& path) {
    spec.modules.push_back({path, ModuleKind::layer_norm, {size}, true, spec.norm_eps});
  };
  const auto linear = [&](const std::string& path, std::int64_t out, std::int64_t in) {
    spec.modules.push_back({layer + path, ModuleKind::linear, {out, in}, true});
  };
  spec.modules.push_back({names.embedding, ModuleKind::embedding, {spec.vocab_size, size}});
  norm(layer + names.input_norm);
  linear(names.qkv_proj, 3 * size, size);
  linear(names.o_proj, size, size);
  norm(layer + names.post_attention_norm);
  linear(names.up_proj, spec.intermediate_size, size);
  linear(names.down_proj, size, spec.intermediate_size);
  norm(names.final_norm);
}

void describe_glm1(ConfigReader& config, ModelSpec& spec) {
  spec.network = Network::chatglm1;
  describe_common(config, spec);
  spec.vocab_size = config.integer("vocab_size", 150528, 1, kVocabMax);
  spec.intermediate_size = config.integer("inner_hidden_size", 16384, 1, kSizeMax);
  spec.context_length = config.integer("max_sequence_length", 2048);
  spec.num_kv_heads = spec.num_heads;
  spec.head_dim = spec.hidden_size / spec.num_heads;
  if (spec.hidden_size % (4 * spec.num_heads) != 0) {
    config.report("hidden_size", "a multiple of 4 · num_attention_heads");
  }
  refuse_unless(config, config.boolean("position_encoding_2d", true), "position_encoding_2d false");
  spec.norm = NormKind::layer_norm;
  spec.activation = Activation::gelu_tanh;
  spec.attention_scale = 1.0 / std::sqrt(static_cast<double>(spec.head_dim));
  spec.residual_scale = std::sqrt(2.0 * kGlm1Layers);
  spec.rope.dim = spec.head_dim / 2;  // of each half of a head
  spec.rope.half_precision_frequencies = true;
  spec.o_bias = true;
  spec.mlp_bias = true;
  spec.tied_embeddings = config.boolean("tie_word_embeddings", true);  // stored twice, and equal
  spec.names.embedding = "transformer.word_embeddings";
  spec.names.layer = "transformer.layers.{}";
  spec.names.qkv_proj = "attention.query_key_value";
  spec.names.o_proj = "attention.dense";
  spec.names.up_proj = "mlp.dense_h_to_4h";
  spec.names.down_proj = "mlp.dense_4h_to_h";
  spec.names.final_norm = "transformer.final_layernorm";
  list_glm1_modules(spec);
}

void check_glm2(ConfigReader& config) {
  refuse_unless(config, config.boolean("multi_query_attention", false),
                "multi_query_attention false");
  refuse_unless(config, config.boolean("rmsnorm", true), "rmsnorm false");
  refuse_unless(config, config.boolean("post_layer_norm", true), "post_layer_norm false");
  refuse_unless(config, !config.boolean("apply_residual_connection_post_layernorm", false),
                "apply_residual_connection_post_layernorm");
  refuse_unless(config, config.boolean("original_rope", true), "original_rope false");
}

void describe_glm2(ConfigReader& config, ModelSpec& spec) {
  describe_common(config, spec);
  check_glm2(config);
  spec.vocab_size = config.integer("padded_vocab_size", 65024, 1, kVocabMax);
  spec.intermediate_size = config.integer("ffn_hidden_size", 13696, 1, kSizeMax);
  spec.context_length = config.integer("seq_length", 2048);
  spec.head_dim = config.integer("kv_channels", 128, 4, kSizeMax);
  spec.num_kv_heads = config.integer("multi_query_group_num", 1, 1, kSizeMax);
  if (spec.num_heads % spec.num_kv_heads != 0) {
    config.report("multi_query_group_num", "a divisor of num_attention_heads");
  }
  spec.tied_embeddings = config.boolean("tie_word_embeddings", false);
  spec.norm = NormKind::rms_fp32;
  spec.attention_scale = 1.0 / std::sqrt(static_cast<double>(spec.head_dim));
  spec.qkv_bias = config.boolean("add_qkv_bias", false);
  spec.o_bias = config.boolean("add_bias_linear", true);
  spec.mlp_bias = spec.o_bias;
  spec.qkv_bias = spec.qkv_bias || spec.o_bias;
  spec.fused_qkv = true;
  spec.fused_gate_up = true;
  spec.rope.layout = RopeLayout::interleaved;
  spec.rope.dim = spec.head_dim / 2;
  if (spec.rope.dim % 2 != 0) config.report("kv_channels", "a multiple of 4");
  spec.rope.theta = 10000.0 * config.number("rope_ratio", 1.0, 1e-3, 1e6);
  spec.names.embedding = "transformer.embedding.word_embeddings";
  spec.names.layer = "transformer.encoder.layers.{}";
  spec.names.qkv_proj = "self_attention.query_key_value";
  spec.names.o_proj = "self_attention.dense";
  spec.names.gate_up_proj = "mlp.dense_h_to_4h";
  spec.names.down_proj = "mlp.dense_4h_to_h";
  spec.names.final_norm = "transformer.encoder.final_layernorm";
  spec.names.lm_head = "transformer.output_layer";
}

void describe(ConfigReader& config, ModelSpec& spec) {
  const bool is_first = config.has("inner_hidden_size") || config.has("position_encoding_2d");
  is_first ? describe_glm1(config, spec) : describe_glm2(config, spec);
}

}  // namespace

const Family kChatGlmFamily = {"chatglm", "ChatGLM", "ChatGLM-6B, ChatGLM2-6B, ChatGLM3-6B",
                               "THUDM/chatglm3-6b; the folders' own modeling_chatglm.py", describe};

}  // namespace hearth::engine

// What the families of the shared pre-norm decoder have in common.
#include <cmath>
#include <cstddef>
#include <string>

#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

Activation read_activation(ConfigReader& config, const DecoderDefaults& defaults) {
  const std::string_view key = defaults.activation_key;
  const std::string name = config.text(key, std::string(defaults.activation));
  if (name == "silu" || name == "swish") return Activation::silu;
  if (name == "gelu") return Activation::gelu;
  if (name == "gelu_pytorch_tanh" || name == "gelu_new") return Activation::gelu_tanh;
  if (name == "relu") return Activation::relu;
  config.report(key, "silu, gelu, gelu_pytorch_tanh, gelu_new or relu");
  return Activation::silu;
}

void describe_heads(ConfigReader& config, ModelSpec& spec, const DecoderDefaults& defaults) {
  spec.num_heads = config.integer("num_attention_heads", defaults.num_heads, 1, kSizeMax);
  const std::int64_t kv_heads = defaults.num_kv_heads == 0 ? spec.num_heads : defaults.num_kv_heads;
  spec.num_kv_heads = config.integer("num_key_value_heads", kv_heads, 1, kSizeMax);
  if (spec.num_heads % spec.num_kv_heads != 0) {
    config.report("num_key_value_heads",
                  "a divisor of num_attention_heads " + std::to_string(spec.num_heads));
  }
  if (defaults.head_dim == 0 && !config.has("head_dim") && spec.hidden_size % spec.num_heads != 0) {
    config.report("hidden_size",
                  "a multiple of num_attention_heads " + std::to_string(spec.num_heads));
  }
  const std::int64_t head_dim =
      defaults.head_dim == 0 ? spec.hidden_size / spec.num_heads : defaults.head_dim;
  spec.head_dim = config.integer("head_dim", head_dim, 2, kSizeMax);
  spec.attention_scale = 1.0 / std::sqrt(static_cast<double>(spec.head_dim));
}

// Gives the layers that layer_types calls sliding the window. False without that key.
bool follow_layer_types(ConfigReader& config, ModelSpec& spec, std::int64_t window) {
  const std::vector<std::string> types = config.texts("layer_types");
  if (types.empty()) return false;
  if (types.size() != spec.layers.size()) {
    config.report("layer_types", "a list of " + std::to_string(spec.num_layers) + " entries");
    return true;
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] == "sliding_attention") {
      spec.layers[i].window = window;
    } else if (types[i] != "full_attention") {
      config.report("layer_types", "full_attention or sliding_attention everywhere");
    }
  }
  return true;
}

}  // namespace

void describe_decoder(ConfigReader& config, ModelSpec& spec, const DecoderDefaults& defaults) {
  spec.vocab_size = config.integer("vocab_size", defaults.vocab_size, 1, kVocabMax);
  spec.hidden_size = config.integer("hidden_size", defaults.hidden_size, 1, kSizeMax);
  spec.intermediate_size =
      config.integer("intermediate_size", defaults.intermediate_size, 1, kSizeMax);
  spec.num_layers = config.integer("num_hidden_layers", defaults.num_layers, 1, kLayersMax);
  spec.context_length = config.integer("max_position_embeddings", defaults.context_length);
  spec.norm_eps = config.number("rms_norm_eps", defaults.norm_eps, 0.0, 1.0);
  spec.tied_embeddings = config.boolean("tie_word_embeddings", defaults.tied_embeddings);
  spec.activation = read_activation(config, defaults);
  describe_heads(config, spec, defaults);
  spec.layers.assign(static_cast<std::size_t>(spec.num_layers), LayerSpec{});
  describe_rope(config, spec, defaults.rope_theta);
}

void describe_qwen_windows(ConfigReader& config, ModelSpec& spec) {
  if (!config.boolean("use_sliding_window", false) || !config.has("sliding_window")) return;
  const std::int64_t window = config.integer("sliding_window", 4096);
  if (follow_layer_types(config, spec, window)) return;
  const std::int64_t first = config.integer("max_window_layers", 28, 0);
  for (std::int64_t i = first; i < spec.num_layers; ++i) {
    spec.layers[static_cast<std::size_t>(i)].window = window;
  }
}

void describe_alternating_windows(ConfigReader& config, ModelSpec& spec, std::int64_t window,
                                  std::int64_t pattern) {
  if (follow_layer_types(config, spec, window)) return;
  for (std::int64_t i = 0; i < spec.num_layers; ++i) {
    if ((i + 1) % pattern != 0) spec.layers[static_cast<std::size_t>(i)].window = window;
  }
}

}  // namespace hearth::engine

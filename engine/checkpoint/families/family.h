// A family of models: which config.json files are its own, and what they mean. Adding one is one
// file here and one line in model_spec.cpp.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/checkpoint/config_reader.h"
#include "engine/checkpoint/model_spec.h"

namespace hearth::engine {

struct Family {
  std::string_view model_type;           // config.json's, "qwen2"
  std::string_view architecture_prefix;  // of ForCausalLM and ForSequenceClassification, "Qwen2"
  void (*describe)(ConfigReader& config, ModelSpec& spec);  // errors go to config
};

extern const Family kLlamaFamily;
extern const Family kMistralFamily;
extern const Family kQwen2Family;
extern const Family kQwen3Family;

// transformers' class defaults, for keys that config.json leaves out (models §1).
struct DecoderDefaults {
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t num_layers = 0;
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;  // 0: num_heads
  std::int64_t head_dim = 0;      // 0: hidden_size / num_heads
  std::int64_t context_length = 0;
  double norm_eps = 1e-6;
  bool tied_embeddings = false;
};

// Sizes, norm, activation, rope, tying and full attention on every layer: what the shared decoder's
// families agree on.
void describe_decoder(ConfigReader& config, ModelSpec& spec, const DecoderDefaults& defaults);

// Both spellings, rope_theta + rope_scaling (transformers 4) and rope_parameters (5), also nested
// by layer type. Needs head_dim, context_length and layers.
void describe_rope(ConfigReader& config, ModelSpec& spec);

// Qwen's windows: layer_types, else use_sliding_window with max_window_layers.
void describe_qwen_windows(ConfigReader& config, ModelSpec& spec);

}  // namespace hearth::engine

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
  std::string_view models;               // for people: "Qwen1.5, Qwen2, Qwen2.5"
  std::string_view source;               // a published folder, and whose mathematics is followed
  void (*describe)(ConfigReader& config, ModelSpec& spec);  // errors go to config
};

extern const Family kBertFamily;
extern const Family kChatGlmFamily;
extern const Family kGemma2Family;
extern const Family kGemma3Family;
extern const Family kGemma3TextFamily;
extern const Family kGemmaFamily;
extern const Family kLlamaFamily;
extern const Family kMistralFamily;
extern const Family kPhi3Family;
extern const Family kQwen2Family;
extern const Family kQwen3Family;
extern const Family kYuanFamily;

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
  double rope_theta = 10000.0;
  bool tied_embeddings = false;
  std::string_view activation_key = "hidden_act";
  std::string_view activation = "silu";
};

// Bounds of what config.json may ask for.
inline constexpr std::int64_t kSizeMax = 1'000'000;
inline constexpr std::int64_t kVocabMax = 100'000'000;
inline constexpr std::int64_t kLayersMax = 10'000;

// Sizes, norm, activation, rope, tying and full attention on every layer: what the shared decoder's
// families agree on.
void describe_decoder(ConfigReader& config, ModelSpec& spec, const DecoderDefaults& defaults);

// Both spellings, rope_theta + rope_scaling (transformers 4) and rope_parameters (5), also nested
// by layer type. Needs head_dim, context_length and layers.
void describe_rope(ConfigReader& config, ModelSpec& spec, double default_theta);

// Qwen's windows: layer_types, else use_sliding_window with max_window_layers.
void describe_qwen_windows(ConfigReader& config, ModelSpec& spec);

// Windows on the layers that layer_types names; without that key, on every layer whose index is not
// one below a multiple of `pattern` (Gemma 2: 2, Gemma 3: 6).
void describe_alternating_windows(ConfigReader& config, ModelSpec& spec, std::int64_t window,
                                  std::int64_t pattern);

// Fills spec.modules of the shared decoder from its other fields.
void list_decoder_modules(ModelSpec& spec);

}  // namespace hearth::engine

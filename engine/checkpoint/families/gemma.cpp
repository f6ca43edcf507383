// Gemma 1, 2 and 3 (models §4.6): norms with (1 + weight), a scaled embedding, its own head_dim.
#include <cmath>

#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

void describe_common(ConfigReader& config, ModelSpec& spec, const DecoderDefaults& defaults) {
  describe_decoder(config, spec, defaults);
  spec.norm = NormKind::rms_unit_offset;
  spec.embedding_scale = std::sqrt(static_cast<double>(spec.hidden_size));
  spec.qkv_bias = config.boolean("attention_bias", false);
  spec.o_bias = spec.qkv_bias;
}

// Files that say "gelu" were trained with the tanh form; hidden_activation, where it is, says so.
void describe_gemma1(ConfigReader& config, ModelSpec& spec) {
  describe_common(config, spec,
                  {.vocab_size = 256000,
                   .hidden_size = 3072,
                   .intermediate_size = 24576,
                   .num_layers = 28,
                   .num_heads = 16,
                   .num_kv_heads = 16,
                   .head_dim = 256,
                   .context_length = 8192,
                   .tied_embeddings = true,
                   .activation_key = "hidden_activation",
                   .activation = "gelu_pytorch_tanh"});
}

void describe_scores(ConfigReader& config, ModelSpec& spec) {
  spec.attention_scale = 1.0 / std::sqrt(config.number("query_pre_attn_scalar", 256.0, 1e-6));
}

void describe_gemma2(ConfigReader& config, ModelSpec& spec) {
  describe_common(config, spec,
                  {.vocab_size = 256000,
                   .hidden_size = 2304,
                   .intermediate_size = 9216,
                   .num_layers = 26,
                   .num_heads = 8,
                   .num_kv_heads = 4,
                   .head_dim = 256,
                   .context_length = 8192,
                   .tied_embeddings = true,
                   .activation_key = "hidden_activation",
                   .activation = "gelu_pytorch_tanh"});
  spec.sandwich_norms = true;
  describe_scores(config, spec);
  // Absent means the default, null means none.
  const auto cap = [&](const char* key, double fallback) {
    if (config.raw().contains(key) && !config.has(key)) return 0.0;
    return config.number(key, fallback);
  };
  spec.attention_softcap = cap("attn_logit_softcapping", 50.0);
  spec.logits_softcap = cap("final_logit_softcapping", 30.0);
  describe_alternating_windows(config, spec, config.integer("sliding_window", 4096), 2);
}

void describe_gemma3_text(ConfigReader& config, ModelSpec& spec) {
  describe_common(config, spec,
                  {.vocab_size = 262208,
                   .hidden_size = 2304,
                   .intermediate_size = 9216,
                   .num_layers = 26,
                   .num_heads = 8,
                   .num_kv_heads = 4,
                   .head_dim = 256,
                   .context_length = 131072,
                   .rope_theta = 1e6,
                   .tied_embeddings = true,
                   .activation_key = "hidden_activation",
                   .activation = "gelu_pytorch_tanh"});
  spec.sandwich_norms = true;
  spec.qk_norm = true;
  describe_scores(config, spec);
  if (spec.local_rope.dim == 0) {  // transformers 4: the windowed layers rotate unscaled
    spec.local_rope.dim = spec.rope.dim;
    spec.local_rope.theta = config.number("rope_local_base_freq", 10000.0, 1.000001, 1e18);
  }
  describe_alternating_windows(config, spec, config.integer("sliding_window", 4096),
                               config.integer("sliding_window_pattern", 6));
}

// 4B and larger: the text model inside a multimodal one. Its vision tower is not read.
void describe_gemma3(ConfigReader& config, ModelSpec& spec) {
  auto text = config.object("text_config");
  if (!text) {
    config.report("text_config", "an object");
    return;
  }
  describe_gemma3_text(*text, spec);
  config.adopt(*text);
  spec.names.outer = "language_model.";
}

}  // namespace

const Family kGemmaFamily = {"gemma", "Gemma", "Gemma 1",
                             "google/gemma-2b-it; transformers models/gemma", describe_gemma1};
const Family kGemma2Family = {"gemma2", "Gemma2", "Gemma 2",
                              "google/gemma-2-2b-it; transformers models/gemma2", describe_gemma2};
const Family kGemma3TextFamily = {"gemma3_text", "Gemma3", "Gemma 3 (1B, text)",
                                  "google/gemma-3-1b-it; transformers models/gemma3",
                                  describe_gemma3_text};
const Family kGemma3Family = {"gemma3", "Gemma3", "Gemma 3 (4B and up, text alone)",
                              "google/gemma-3-4b-it; transformers models/gemma3", describe_gemma3};

}  // namespace hearth::engine

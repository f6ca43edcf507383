#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

// Qwen3 (dense): q and k normalised per head, head_dim of its own (models §4.2).
void describe(ConfigReader& config, ModelSpec& spec) {
  describe_decoder(config, spec,
                   {.vocab_size = 151936,
                    .hidden_size = 4096,
                    .intermediate_size = 22016,
                    .num_layers = 32,
                    .num_heads = 32,
                    .num_kv_heads = 32,
                    .head_dim = 128,
                    .context_length = 32768});
  spec.qk_norm = true;
  spec.qkv_bias = config.boolean("attention_bias", false);
  spec.o_bias = spec.qkv_bias;
  describe_qwen_windows(config, spec);
}

}  // namespace

const Family kQwen3Family = {"qwen3", "Qwen3", "Qwen3 (dense)",
                             "Qwen/Qwen3-0.6B; transformers models/qwen3", describe};

}  // namespace hearth::engine

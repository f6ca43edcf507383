#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

// Qwen1.5, Qwen2, Qwen2.5, R1-Distill-Qwen: biases on q, k, v only, and no key to say so (models
// §4.1).
void describe(ConfigReader& config, ModelSpec& spec) {
  describe_decoder(config, spec,
                   {.vocab_size = 151936,
                    .hidden_size = 4096,
                    .intermediate_size = 22016,
                    .num_layers = 32,
                    .num_heads = 32,
                    .num_kv_heads = 32,
                    .context_length = 32768});
  spec.qkv_bias = true;
  describe_qwen_windows(config, spec);
}

}  // namespace

const Family kQwen2Family = {"qwen2", "Qwen2", "Qwen1.5, Qwen2, Qwen2.5, R1-Distill-Qwen",
                             "Qwen/Qwen2.5-0.5B-Instruct; transformers models/qwen2", describe};

}  // namespace hearth::engine

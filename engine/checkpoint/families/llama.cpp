#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

// Llama 1 to 3.2, vicuna, R1-Distill-Llama (models §4.3).
void describe(ConfigReader& config, ModelSpec& spec) {
  describe_decoder(config, spec,
                   {.vocab_size = 32000,
                    .hidden_size = 4096,
                    .intermediate_size = 11008,
                    .num_layers = 32,
                    .num_heads = 32,
                    .context_length = 2048});
  spec.qkv_bias = config.boolean("attention_bias", false);
  spec.o_bias = spec.qkv_bias;
  spec.mlp_bias = config.boolean("mlp_bias", false);
}

}  // namespace

const Family kLlamaFamily = {"llama", "Llama", "Llama 1/2/3/3.1/3.2, Vicuna v1.x, R1-Distill-Llama",
                             "meta-llama/Llama-3.2-1B-Instruct; transformers models/llama",
                             describe};

}  // namespace hearth::engine

#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

// One window on every layer; a missing key means 4096, null means none (models §4.4).
void describe(ConfigReader& config, ModelSpec& spec) {
  describe_decoder(config, spec,
                   {.vocab_size = 32000,
                    .hidden_size = 4096,
                    .intermediate_size = 14336,
                    .num_layers = 32,
                    .num_heads = 32,
                    .num_kv_heads = 8,
                    .context_length = 131072});
  if (config.raw().contains("sliding_window") && !config.has("sliding_window")) return;
  const std::int64_t window = config.integer("sliding_window", 4096);
  for (LayerSpec& layer : spec.layers) layer.window = window;
}

}  // namespace

const Family kMistralFamily = {"mistral", "Mistral", "Mistral 7B v0.1 to v0.3, Mistral-Nemo",
                               "mistralai/Mistral-7B-Instruct-v0.3; transformers models/mistral",
                               describe};

}  // namespace hearth::engine

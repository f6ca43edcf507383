#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

// Phi-3, 3.5 and 4-mini: q, k, v in one tensor, gate and up in another; longrope for 128k (models
// §4.5).
void describe(ConfigReader& config, ModelSpec& spec) {
  describe_decoder(config, spec,
                   {.vocab_size = 32064,
                    .hidden_size = 3072,
                    .intermediate_size = 8192,
                    .num_layers = 32,
                    .num_heads = 32,
                    .context_length = 4096,
                    .norm_eps = 1e-5});
  spec.fused_qkv = true;
  spec.fused_gate_up = true;
  if (!config.has("sliding_window")) return;
  const std::int64_t window = config.integer("sliding_window", 2047);
  for (LayerSpec& layer : spec.layers) layer.window = window;
}

}  // namespace

const Family kPhi3Family = {"phi3", "Phi3", "Phi-3, Phi-3.5, Phi-4-mini",
                            "microsoft/Phi-3-mini-4k-instruct; transformers models/phi3", describe};

}  // namespace hearth::engine

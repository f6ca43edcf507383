// Rotary frequencies of a model (models §3): "RoFormer", Su et al. 2021, and the ways to stretch
// it.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/checkpoint/model_spec.h"

namespace hearth::engine {

struct RopeTable {
  std::vector<float> inv_freq;  // [dim / 2]; the angle of position p and pair j is p · inv_freq[j]
  float attention_factor = 1.0F;  // multiplies cos and sin
};

// sequence_length chooses between longrope's short and long factors; the other kinds ignore it.
RopeTable make_rope_table(const RopeSpec& rope, std::int64_t sequence_length);

}  // namespace hearth::engine

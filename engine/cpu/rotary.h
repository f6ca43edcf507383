// Rotary position embedding of one head vector, with the sines of every position computed once.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/checkpoint/model_spec.h"

namespace hearth::engine::cpu {

// Tables grow with the longest sequence seen: a whole context of 131,072 would take 67 MB. fp32:
// cos and sin of fp32(position · inv_freq), times the attention factor.
class Rotary {
 public:
  // rope.dim = 0: rotates nothing. context_length decides between rope's short and long factors.
  Rotary(const RopeSpec& rope, std::int64_t context_length);

  // Makes positions 0 … length−1 usable. While nobody rotates.
  void reach(std::int64_t length);

  // Rotates the first rope.dim channels of a head in place. Any thread; position must be reached.
  void rotate(float* head, std::int64_t position) const;

 private:
  RopeLayout layout_;
  std::int64_t half_ = 0;
  std::vector<float> inv_freq_;  // [half_]
  float attention_factor_ = 1.0F;
  std::int64_t reached_ = 0;
  std::vector<float> cos_;  // [reached_, half_]
  std::vector<float> sin_;
};

}  // namespace hearth::engine::cpu

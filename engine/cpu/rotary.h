// Rotary position embedding of one head vector, with the sines of every position computed once.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/checkpoint/model_spec.h"

namespace hearth::engine::cpu {

// Tables for positions 0 … length−1, fp32: cos and sin of fp32(position · inv_freq), times the
// attention factor. Immutable.
class Rotary {
 public:
  // rope.dim = 0: rotates nothing.
  Rotary(const RopeSpec& rope, std::int64_t length);

  // Rotates the first rope.dim channels of a head in place. 0 ≤ position < length.
  void rotate(float* head, std::int64_t position) const;

 private:
  RopeLayout layout_;
  std::int64_t half_ = 0;
  std::vector<float> cos_;  // [length, half_]
  std::vector<float> sin_;
};

}  // namespace hearth::engine::cpu

#include "engine/cpu/rotary.h"

#include <cmath>

#include "engine/checkpoint/rope.h"

namespace hearth::engine::cpu {

Rotary::Rotary(const RopeSpec& rope, std::int64_t length)
    : layout_(rope.layout), half_(rope.dim / 2) {
  if (half_ == 0) return;
  const RopeTable table = make_rope_table(rope, length);
  cos_.reserve(static_cast<std::size_t>(length * half_));
  sin_.reserve(static_cast<std::size_t>(length * half_));
  for (std::int64_t position = 0; position < length; ++position) {
    for (const float inv_freq : table.inv_freq) {
      const float angle = static_cast<float>(position) * inv_freq;
      cos_.push_back(std::cos(angle) * table.attention_factor);
      sin_.push_back(std::sin(angle) * table.attention_factor);
    }
  }
}

void Rotary::rotate(float* head, std::int64_t position) const {
  const float* cos = cos_.data() + position * half_;
  const float* sin = sin_.data() + position * half_;
  const std::int64_t step = layout_ == RopeLayout::half ? 1 : 2;
  const std::int64_t partner = layout_ == RopeLayout::half ? half_ : 1;
  for (std::int64_t j = 0; j < half_; ++j) {
    float& a = head[j * step];
    float& b = head[j * step + partner];
    const float rotated = a * cos[j] - b * sin[j];
    b = b * cos[j] + a * sin[j];
    a = rotated;
  }
}

}  // namespace hearth::engine::cpu

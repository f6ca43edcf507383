#include "engine/cpu/rotary.h"

#include <cmath>

#include "engine/checkpoint/rope.h"

namespace hearth::engine::cpu {

namespace {
constexpr std::int64_t kReachStep = 1024;
}

Rotary::Rotary(const RopeSpec& rope, std::int64_t context_length)
    : layout_(rope.layout), half_(rope.dim / 2) {
  if (half_ == 0) return;
  const RopeTable table = make_rope_table(rope, context_length);
  inv_freq_.assign(table.inv_freq.begin(), table.inv_freq.end());
  attention_factor_ = table.attention_factor;
}

void Rotary::reach(std::int64_t length) {
  if (half_ == 0 || length <= reached_) return;
  const std::int64_t end = (length + kReachStep - 1) / kReachStep * kReachStep;
  cos_.reserve(static_cast<std::size_t>(end * half_));
  sin_.reserve(static_cast<std::size_t>(end * half_));
  for (std::int64_t position = reached_; position < end; ++position) {
    for (const float inv_freq : inv_freq_) {
      const float angle = static_cast<float>(position) * inv_freq;
      cos_.push_back(std::cos(angle) * attention_factor_);
      sin_.push_back(std::sin(angle) * attention_factor_);
    }
  }
  reached_ = end;
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

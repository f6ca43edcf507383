#include "server/session/overload.h"

#include <algorithm>
#include <limits>

namespace hearth::server {
namespace {

// 70, 85 and 95 % with a hysteresis of 10 %.
constexpr OverloadGauge::Steps kMemory = {{{0.70, 0.60}, {0.85, 0.75}, {0.95, 0.85}}};

OverloadGauge::Steps queue_steps(int live_total) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  const double full = live_total;
  return {{{full * 70 / 85, full * 60 / 85}, {full, full * 75 / 85}, {kNever, kNever}}};
}

}  // namespace

int OverloadGauge::update(double value) {
  int level = 0;
  for (int step = 0; step < kLevels; ++step) {
    const Step& one = steps_[static_cast<std::size_t>(step)];
    const bool was_reached = step < level_;
    if (value >= one.enter || (was_reached && value >= one.leave)) level = step + 1;
  }
  level_ = level;
  return level_;
}

Overload::Overload(int live_total) : memory_(kMemory), queue_(queue_steps(live_total)) {}

int Overload::level() const { return std::max(memory_.level(), queue_.level()); }

}  // namespace hearth::server

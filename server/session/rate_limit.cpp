#include "server/session/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace hearth::server {

RateLimit::RateLimit(double per_second, double burst, Instant now)
    : per_second_(per_second), burst_(burst), credit_(burst), last_(now) {}

RateLimit::Verdict RateLimit::take(Instant now, double cost) {
  const double seconds = std::chrono::duration<double>(now - last_).count();
  last_ = now;
  credit_ = std::min(burst_, credit_ + seconds * per_second_) - cost;
  if (credit_ >= 0.0) return Verdict::pass;
  return credit_ < -burst_ ? Verdict::flood : Verdict::refuse;
}

Milliseconds RateLimit::wait() const {
  const double missing = std::max(0.0, 1.0 - credit_);
  return Milliseconds(static_cast<std::int64_t>(std::ceil(missing / per_second_ * 1000.0)));
}

}  // namespace hearth::server

#pragma once

#include "server/session/clock.h"

namespace hearth::server {

// A token bucket that may go into debt, so that a flood can be told from a hurry.
class RateLimit {
 public:
  RateLimit(double per_second, double burst, Instant now);

  enum class Verdict { pass, refuse, flood };  // flood: another whole burst was refused
  Verdict take(Instant now, double cost = 1.0);

  // Until the next pass.
  Milliseconds wait() const;

 private:
  double per_second_;
  double burst_;
  double credit_;
  Instant last_;
};

}  // namespace hearth::server

// The overload ladder (reliability §1.4): what is nearly used up, as one level.
//
//   0  normal
//   1  no new anonymous identities; idle connections and replies without a viewer wait less long
//   2  new replies are refused (429 with Retry-After); those that run or wait go on
//   3  new connections get 503; idle WebSockets are closed with 1013, who holds most first
//
// Memory leads up to 3: what sockets and replies hold, counted where it is held
// (ChatService::Impl::held_bytes), so that neither a long prompt nor anything else of the engine's
// can look like it. Replies, running and waiting, lead up to 2 and no further: then nothing is
// added to them, so a full queue is refused work and no danger. limits.live is where 2 begins.
// There is no prefix cache to give up: its blocks lie in the KV arena, whose size is fixed at start
// and which new replies take from it anyway.
#pragma once

#include <array>

namespace hearth::server {

// One quantity. A step is reached at `enter` and left below `leave`, so that the level does not
// flutter.
class OverloadGauge {
 public:
  struct Step {
    double enter = 0.0;
    double leave = 0.0;
  };
  static constexpr int kLevels = 3;
  using Steps = std::array<Step, kLevels>;

  explicit OverloadGauge(const Steps& steps) : steps_(steps) {}

  int update(double value);
  int level() const { return level_; }

 private:
  Steps steps_;
  int level_ = 0;
};

// On the service's thread.
class Overload {
 public:
  explicit Overload(int live_total);

  // Level 3 is left below 0.85; what is shed is shed to below that.
  static constexpr double kShedTo = 0.80;

  void set_memory(double used_fraction) {
    used_fraction_ = used_fraction;
    memory_.update(used_fraction);
  }
  double memory() const { return used_fraction_; }
  void set_live(int live) { queue_.update(live); }

  int level() const;

 private:
  OverloadGauge memory_;
  OverloadGauge queue_;
  double used_fraction_ = 0.0;
};

}  // namespace hearth::server

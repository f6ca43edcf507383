// How long a step takes, learned from the steps themselves: seconds = a + b·tokens + c·pairs, where
// pairs counts, for every token, the positions it attends to (performance §3.3). The scheduler asks
// it how long a prompt chunk may be.
#pragma once

#include <array>
#include <cstdint>

namespace hearth::engine {

struct StepCost {
  double a_s = 0.0;  // per step: mostly reading the weights
  double b_s = 0.0;  // per token
  double c_s = 0.0;  // per attended position
};

// The size of a step in the model's terms.
struct StepSize {
  double tokens = 0.0;
  double pairs = 0.0;

  // `count` tokens that continue a sequence at `position`.
  static StepSize of(std::int64_t count, std::int64_t position);
  StepSize& operator+=(const StepSize& other);
};

// Engine thread only.
class CostModel {
 public:
  CostModel();                                   // learns, from a careful guess for a small CPU
  static CostModel fixed(const StepCost& cost);  // never learns: for tests and simulations

  const StepCost& cost() const { return cost_; }
  double seconds(const StepSize& size) const;        // of a whole step
  double extra_seconds(const StepSize& size) const;  // of more work in a step that runs anyway
  std::int64_t tokens_within(double seconds,
                             std::int64_t position) const;  // more tokens at that position

  void observe(const StepSize& size, double seconds);

 private:
  // Weighted normal equations of the last few hundred steps, with a ridge towards the first guess.
  static constexpr double kMemory = 0.99;

  bool is_fixed_ = false;
  StepCost cost_;
  std::array<std::array<double, 3>, 3> products_{};
  std::array<double, 3> targets_{};
};

}  // namespace hearth::engine

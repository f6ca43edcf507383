// How long a step takes, learned from the steps themselves:
//
//   seconds = a + b·tokens + c·pairs + d·outputs
//
// pairs counts, for every token, the positions it attends to; outputs counts the rows that need
// logits and a draw (performance §3.3). The scheduler asks it how long a prompt chunk may be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hearth::engine {

struct StepCost {
  double a_s = 0.0;  // per step: mostly reading the weights
  double b_s = 0.0;  // per token
  double c_s = 0.0;  // per attended position
  double d_s = 0.0;  // per row of logits
};

// The size of a step in the model's terms.
struct StepSize {
  double tokens = 0.0;
  double pairs = 0.0;
  double outputs = 0.0;

  // `count` tokens that continue a sequence at `position`; a token is drawn after them or not.
  static StepSize of(std::int64_t count, std::int64_t position, bool has_output = false);
  StepSize& operator+=(const StepSize& other);
};

// Engine thread only.
class CostModel {
 public:
  static constexpr std::size_t kTerms = 4;

  CostModel();                                   // learns, from a careful guess for a small CPU
  static CostModel fixed(const StepCost& cost);  // never learns: for tests and simulations

  bool is_fixed() const { return is_fixed_; }
  const StepCost& cost() const { return cost_; }
  double seconds(const StepSize& size) const;        // of a whole step
  double extra_seconds(const StepSize& size) const;  // of more work in a step that runs anyway
  std::int64_t tokens_within(double seconds,
                             std::int64_t position) const;  // more tokens at that position

  void observe(const StepSize& size, double seconds);

 private:
  bool is_fixed_ = false;
  StepCost cost_;
  // Weighted normal equations of the last few hundred steps, and the sum of their weights.
  std::array<std::array<double, kTerms>, kTerms> products_{};
  std::array<double, kTerms> targets_{};
  double num_observed_ = 0.0;
};

}  // namespace hearth::engine

// What a whole row of logits needs, several values at a time: a vocabulary has 150 000 of them and
// every token of every reply asks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hearth::engine {

// out[i] = exp(x[i] − shift), relative error below 3e-7 for x[i] ≤ shift; −inf gives 0. Returns the
// sum, in double. out may be x itself.
double exp_row(std::span<const float> x, float shift, std::span<float> out);

// out[i] = x[i] / divisor. out may be x itself.
void divide_row(std::span<const float> x, float divisor, std::span<float> out);

// The sum of exp_row alone.
double sum_exp(std::span<const float> x, float shift);

// With e = exp(x − shift), x ≤ shift: Σ e, Σ e · (x − shift), to which −inf adds nothing, and how
// many are not −inf.
struct ExpMoments {
  double sum = 0.0;
  double weighted = 0.0;
  std::int64_t num_finite = 0;
};
ExpMoments exp_moments(std::span<const float> x, float shift);

// In one pass: Σ e, Σ exp(scale · (x − shift)), how many are not −inf, and the tail: Σ over x <
// below of exp(β · (x − shift)) for β = 1/2, 3/4, 1, 5/4, 3/2, 2, 3 and 4. below ≤ shift, scale >
// 0.
struct ScoreSums {
  double sum = 0.0;
  double scaled = 0.0;
  std::int64_t num_finite = 0;
  std::array<double, 8> tail{};
};
ScoreSums score_sums(std::span<const float> x, float shift, double scale, float below);

struct RowMaximum {
  float value = 0.0F;
  std::size_t index = 0;   // of the first maximum
  bool is_usable = false;  // some value is finite and none is NaN or +inf
};
RowMaximum first_maximum(std::span<const float> x);

// How many values are above `value`, and how many equal it; NaN is neither.
struct RowCounts {
  std::int64_t num_above = 0;
  std::int64_t num_equal = 0;
};
RowCounts count_against(std::span<const float> x, float value);

// The first index ≥ begin whose value is at least `least` or NaN; x.size() when there is none.
std::size_t find_at_least(std::span<const float> x, float least, std::size_t begin);

// All of them, ascending, in place of what was in `out`.
void list_at_least(std::span<const float> x, float least, std::vector<std::uint32_t>& out);

}  // namespace hearth::engine

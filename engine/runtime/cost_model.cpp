#include "engine/runtime/cost_model.h"

#include <algorithm>
#include <cmath>

namespace hearth::engine {
namespace {

constexpr std::size_t kTerms = CostModel::kTerms;

using Vector = std::array<double, kTerms>;
using Matrix = std::array<Vector, kTerms>;

// A two-core machine with a half-billion-parameter model: wrong elsewhere for the first few steps
// only.
constexpr StepCost kFirstGuess{.a_s = 0.020, .b_s = 0.001, .c_s = 1e-8, .d_s = 0.0005};

constexpr double kMemory = 0.99;    // of the sums, from one step to the next
constexpr double kAnchor = 1e-3;    // of a step that says nothing about a term
constexpr double kSmallest = 1e-4;  // of the first guess: nothing is for free, and what is nearly
                                    // so must be able to grow again

Vector terms_of(const StepCost& cost) { return {cost.a_s, cost.b_s, cost.c_s, cost.d_s}; }

StepCost cost_of(const Vector& terms) { return {terms[0], terms[1], terms[2], terms[3]}; }

// Gaussian elimination; m is positive definite.
Vector solve(Matrix m, Vector v) {
  for (std::size_t i = 0; i < kTerms; ++i) {
    for (std::size_t row = i + 1; row < kTerms; ++row) {
      const double factor = m[row][i] / m[i][i];
      for (std::size_t column = i; column < kTerms; ++column)
        m[row][column] -= factor * m[i][column];
      v[row] -= factor * v[i];
    }
  }
  for (std::size_t i = kTerms; i-- > 0;) {
    for (std::size_t column = i + 1; column < kTerms; ++column) v[i] -= m[i][column] * v[column];
    v[i] /= m[i][i];
  }
  return v;
}

}  // namespace

StepSize StepSize::of(std::int64_t count, std::int64_t position, bool has_output) {
  const auto n = static_cast<double>(count);
  return {n, n * (static_cast<double>(position) + 0.5 * (n + 1.0)), has_output ? 1.0 : 0.0};
}

StepSize& StepSize::operator+=(const StepSize& other) {
  tokens += other.tokens;
  pairs += other.pairs;
  outputs += other.outputs;
  return *this;
}

CostModel::CostModel() : cost_(kFirstGuess) {}

CostModel CostModel::fixed(const StepCost& cost) {
  CostModel model;
  model.is_fixed_ = true;
  model.cost_ = cost;
  return model;
}

double CostModel::seconds(const StepSize& size) const { return cost_.a_s + extra_seconds(size); }

double CostModel::extra_seconds(const StepSize& size) const {
  return cost_.b_s * size.tokens + cost_.c_s * size.pairs + cost_.d_s * size.outputs;
}

std::int64_t CostModel::tokens_within(double seconds, std::int64_t position) const {
  if (seconds <= 0.0) return 0;
  // b·n + c·(position·n + n²/2) = seconds, solved for n.
  const double linear = cost_.b_s + cost_.c_s * static_cast<double>(position);
  const double root = std::sqrt(linear * linear + 2.0 * cost_.c_s * seconds);
  const double count = 2.0 * seconds / std::max(linear + root, 1e-12);
  return static_cast<std::int64_t>(std::min(count + 1e-6, 1e9));  // what was asked for exactly fits
}

// Least squares for the four terms, each relative to what it is thought to be, with an anchor
// there: what the last steps do not tell apart keeps its shares. An hour of single decodes does not
// make us forget what a prompt costs, and a machine that gets slower is blamed in proportion.
//
// Errors count relative to the step's length: a fast decode must not drown in the noise of long
// steps, and one that another process held up weighs little.
void CostModel::observe(const StepSize& size, double seconds) {
  if (is_fixed_ || !(seconds > 0.0)) return;
  const Vector x{1.0, size.tokens, size.pairs, size.outputs};
  const double weight = 1.0 / (seconds * seconds);
  num_observed_ = kMemory * num_observed_ + 1.0;
  const Vector present = terms_of(cost_);
  Matrix m{};
  Vector v{};
  for (std::size_t i = 0; i < kTerms; ++i) {
    for (std::size_t j = 0; j < kTerms; ++j) {
      products_[i][j] = kMemory * products_[i][j] + weight * x[i] * x[j];
      m[i][j] = present[i] * products_[i][j] * present[j];
    }
    targets_[i] = kMemory * targets_[i] + weight * x[i] * seconds;
    m[i][i] += kAnchor * num_observed_;
    v[i] = present[i] * targets_[i] + kAnchor * num_observed_;
  }
  const Vector factors = solve(m, v);
  const Vector guess = terms_of(kFirstGuess);
  Vector terms{};
  for (std::size_t i = 0; i < kTerms; ++i) {
    terms[i] = std::max(present[i] * std::clamp(factors[i], 0.5, 2.0), kSmallest * guess[i]);
  }
  cost_ = cost_of(terms);
}

}  // namespace hearth::engine

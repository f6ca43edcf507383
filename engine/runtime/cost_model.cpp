#include "engine/runtime/cost_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace hearth::engine {
namespace {

// A two-core machine with a half-billion-parameter model: wrong elsewhere for the first few steps
// only.
constexpr StepCost kFirstGuess{.a_s = 0.020, .b_s = 0.001, .c_s = 1e-8};

// Units in which the three unknowns are of like size, so that one ridge suits all.
constexpr std::array<double, 3> kUnits{1.0, 64.0, 65536.0};
constexpr double kRidge = 1e-4;

using Matrix = std::array<std::array<double, 3>, 3>;
using Vector = std::array<double, 3>;

// Gaussian elimination; m is positive definite.
Vector solve(Matrix m, Vector v) {
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t row = i + 1; row < 3; ++row) {
      const double factor = m[row][i] / m[i][i];
      for (std::size_t column = i; column < 3; ++column) m[row][column] -= factor * m[i][column];
      v[row] -= factor * v[i];
    }
  }
  for (std::size_t i = 3; i-- > 0;) {
    for (std::size_t column = i + 1; column < 3; ++column) v[i] -= m[i][column] * v[column];
    v[i] /= m[i][i];
  }
  return v;
}

}  // namespace

StepSize StepSize::of(std::int64_t count, std::int64_t position) {
  const auto n = static_cast<double>(count);
  return {n, n * (static_cast<double>(position) + 0.5 * (n + 1.0))};
}

StepSize& StepSize::operator+=(const StepSize& other) {
  tokens += other.tokens;
  pairs += other.pairs;
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
  return cost_.b_s * size.tokens + cost_.c_s * size.pairs;
}

std::int64_t CostModel::tokens_within(double seconds, std::int64_t position) const {
  if (seconds <= 0.0) return 0;
  // b·n + c·(position·n + n²/2) = seconds, solved for n.
  const double linear = cost_.b_s + cost_.c_s * static_cast<double>(position);
  const double root = std::sqrt(linear * linear + 2.0 * cost_.c_s * seconds);
  const double count = 2.0 * seconds / std::max(linear + root, 1e-12);
  return static_cast<std::int64_t>(std::min(count, 1e9));
}

void CostModel::observe(const StepSize& size, double seconds) {
  if (is_fixed_ || !(seconds > 0.0)) return;
  const Vector x{kUnits[0], size.tokens / kUnits[1], size.pairs / kUnits[2]};
  // Errors count relative to the step's length: a fast decode step must not drown in the noise of
  // long ones.
  const double weight = 1.0 / (seconds * seconds);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      products_[i][j] = kMemory * products_[i][j] + weight * x[i] * x[j];
    }
    targets_[i] = kMemory * targets_[i] + weight * x[i] * seconds;
  }
  const Vector guess{kFirstGuess.a_s, kFirstGuess.b_s * kUnits[1], kFirstGuess.c_s * kUnits[2]};
  Matrix m = products_;
  Vector v = targets_;
  for (std::size_t i = 0; i < 3; ++i) {
    const double ridge = kRidge * m[i][i] + kRidge * kRidge * m[0][0];
    m[i][i] += ridge;
    v[i] += ridge * guess[i];
  }
  const Vector fit = solve(m, v);
  // Noise may give a small negative share; time never runs backwards.
  cost_.a_s = std::max(fit[0] / kUnits[0], 0.0);
  cost_.b_s = std::max(fit[1] / kUnits[1], 1e-7);
  cost_.c_s = std::max(fit[2] / kUnits[2], 0.0);
}

}  // namespace hearth::engine

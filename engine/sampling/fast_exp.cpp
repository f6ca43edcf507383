#include "engine/sampling/fast_exp.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace hearth::engine {
namespace {

constexpr std::size_t kLanes = 4;
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

// 2^n · e^r with r in ±ln2/2; a degree-6 Taylor remainder is below 2e-7 there.
Floats exp_lanes(Floats x) {
  const Floats lowest =
      Floats{} - 87.0F;  // e^−87 is the smallest normal number; below it counts as 0
  const Ints is_tiny = x < lowest;
  x = is_tiny ? lowest : x;
  // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low bits.
  const Floats magic = Floats{} + 12582912.0F;
  const Floats shifted = x * 1.44269504F + magic;
  const Floats n = shifted - magic;
  Ints exponent;
  std::memcpy(&exponent, &shifted, sizeof(exponent));
  exponent = (exponent - 0x4B400000 + 127) << 23;
  Floats scale;
  std::memcpy(&scale, &exponent, sizeof(scale));
  const Floats r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  Floats e = r * (1.0F / 720.0F) + (1.0F / 120.0F);
  e = e * r + (1.0F / 24.0F);
  e = e * r + (1.0F / 6.0F);
  e = e * r + 0.5F;
  e = e * r + 1.0F;
  e = (e * r + 1.0F) * scale;
  return is_tiny ? Floats{} : e;
}

template <bool kStore>
double run(std::span<const float> x, float shift, float* out) {
  // Lane sums in float would lose small terms of a long row, so they move to double every block.
  constexpr std::size_t kBlock = 64 * kLanes;
  double total = 0.0;
  for (std::size_t begin = 0; begin < x.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, x.size());
    Floats sums{};
    for (std::size_t i = begin; i < end; i += kLanes) {
      const std::size_t count = std::min(kLanes, end - i);
      Floats lanes = Floats{} + shift - 1e4F;  // past the end: exp gives 0
      std::memcpy(&lanes, x.data() + i, count * sizeof(float));
      const Floats e = exp_lanes(lanes - shift);
      sums += e;
      if constexpr (kStore) std::memcpy(out + i, &e, count * sizeof(float));
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) total += static_cast<double>(sums[lane]);
  }
  return total;
}

}  // namespace

double exp_row(std::span<const float> x, float shift, std::span<float> out) {
  return run<true>(x, shift, out.data());
}

double sum_exp(std::span<const float> x, float shift) { return run<false>(x, shift, nullptr); }

}  // namespace hearth::engine

#include "engine/sampling/row_math.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

namespace hearth::engine {
namespace {

// Each loop is compiled for three instruction sets and chosen when the program starts. Sixteen
// lanes on all of them and no contraction to FMA (CMakeLists.txt): the numbers are the same
// everywhere. What a loop calls with lanes must be inlined into it: a vector's way into a function
// depends on the instruction set. clang looks at that way before it inlines, and refuses; it gets
// one loop. The thread sanitizer cannot run the choice, which comes before its own start.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define HEARTH_FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define HEARTH_FOR_EACH_PROCESSOR
#endif
#define HEARTH_INLINE __attribute__((always_inline)) inline

constexpr std::size_t kLanes = 16;
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

// 2^n · e^r with r in ±ln2/2; a degree-6 Taylor remainder is below 2e-7 there.
HEARTH_INLINE Floats exp_lanes(Floats x) {
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

HEARTH_INLINE Floats load(const float* x) {
  Floats lanes;
  std::memcpy(&lanes, x, sizeof(lanes));
  return lanes;
}

template <bool kStore>
HEARTH_INLINE double run(std::span<const float> x, float shift, float* out) {
  // Lane sums in float would lose small terms of a long row, so they move to double every block.
  constexpr std::size_t kBlock = 16 * kLanes;
  const std::size_t whole = x.size() - x.size() % kLanes;
  double total = 0.0;
  for (std::size_t begin = 0; begin < whole; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, whole);
    Floats sums{};
    for (std::size_t i = begin; i < end; i += kLanes) {
      const Floats e = exp_lanes(load(x.data() + i) - shift);
      sums += e;
      if constexpr (kStore) std::memcpy(out + i, &e, sizeof(e));
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) total += static_cast<double>(sums[lane]);
  }
  for (std::size_t i = whole; i < x.size(); ++i) {
    const float e = exp_lanes(Floats{} + (x[i] - shift))[0];
    total += static_cast<double>(e);
    if constexpr (kStore) out[i] = e;
  }
  return total;
}

HEARTH_INLINE Floats one_if_finite(Floats lanes) {
  const Floats one = Floats{} + 1.0F;
  return lanes >= -std::numeric_limits<float>::max() ? one : Floats{};
}

// Σ of each of the N terms that `terms` gives for four values. A value that fills up the last four
// is −inf, for which every term has to be 0.
template <std::size_t N, class Terms>
HEARTH_INLINE std::array<double, N> fold(std::span<const float> x, Terms terms) {
  constexpr std::size_t kBlock = 16 * kLanes;
  const std::size_t whole = x.size() - x.size() % kLanes;
  std::array<double, N> totals{};
  const auto move_to_double = [&totals](const std::array<Floats, N>& sums)
      __attribute__((always_inline)) {
    for (std::size_t k = 0; k < N; ++k) {
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        totals[k] += static_cast<double>(sums[k][lane]);
    }
  };
  for (std::size_t begin = 0; begin < whole; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, whole);
    std::array<Floats, N> sums{};
    for (std::size_t i = begin; i < end; i += kLanes) {
      const std::array<Floats, N> values = terms(load(x.data() + i));
      for (std::size_t k = 0; k < N; ++k) sums[k] += values[k];
    }
    move_to_double(sums);
  }
  if (whole < x.size()) {
    Floats last = Floats{} - std::numeric_limits<float>::infinity();
    std::memcpy(&last, x.data() + whole, (x.size() - whole) * sizeof(float));
    move_to_double(terms(last));
  }
  return totals;
}

HEARTH_INLINE bool any(const Ints& mask) {
  using Longs = std::int64_t __attribute__((vector_size(sizeof(Ints))));
  Longs halves;
  std::memcpy(&halves, &mask, sizeof(halves));
  std::int64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(Ints) / sizeof(std::int64_t); ++i) bits |= halves[i];
  return bits != 0;
}

constexpr float kLargest = std::numeric_limits<float>::max();

}  // namespace

HEARTH_FOR_EACH_PROCESSOR
double exp_row(std::span<const float> x, float shift, std::span<float> out) {
  return run<true>(x, shift, out.data());
}

HEARTH_FOR_EACH_PROCESSOR
void divide_row(std::span<const float> x, float divisor, std::span<float> out) {
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] / divisor;
}

HEARTH_FOR_EACH_PROCESSOR
double sum_exp(std::span<const float> x, float shift) { return run<false>(x, shift, nullptr); }

HEARTH_FOR_EACH_PROCESSOR
ExpMoments exp_moments(std::span<const float> x, float shift) {
  const auto [sum, weighted, num_finite] = fold<3>(
      x, [shift](Floats lanes) __attribute__((always_inline)) {
        const Floats distance = lanes - shift;
        const Floats e = exp_lanes(distance);
        const Floats product = e > 0.0F ? e * distance : Floats{};  // 0 · −inf is no number
        return std::array{e, product, one_if_finite(lanes)};
      });
  return {.sum = sum, .weighted = weighted, .num_finite = static_cast<std::int64_t>(num_finite)};
}

HEARTH_FOR_EACH_PROCESSOR
ScoreSums score_sums(std::span<const float> x, float shift, double scale, float below) {
  const auto factor = static_cast<float>(scale);
  // Powers of z = e^((x − shift)/4): one exponential for nine sums.
  const auto sums = fold<11>(
      x, [=](Floats lanes) __attribute__((always_inline)) {
        const Floats distance = lanes - shift;
        const Floats e = exp_lanes(distance * 0.25F);
        const Floats e2 = e * e;
        const Floats z = lanes < below ? e : Floats{};
        const Floats z2 = z * z;
        const Floats z3 = z2 * z;
        const Floats z4 = z2 * z2;
        const Floats z6 = z3 * z3;
        const Floats z8 = z4 * z4;
        return std::array{z2,
                          z3,
                          z4,
                          z4 * z,
                          z6,
                          z8,
                          z6 * z6,
                          z8 * z8,
                          e2 * e2,
                          exp_lanes(distance * factor),
                          one_if_finite(lanes)};
      });
  ScoreSums out{
      .sum = sums[8], .scaled = sums[9], .num_finite = static_cast<std::int64_t>(sums[10])};
  std::copy_n(sums.begin(), out.tail.size(), out.tail.begin());
  return out;
}

HEARTH_FOR_EACH_PROCESSOR
RowMaximum first_maximum(std::span<const float> x) {
  constexpr std::size_t kBlock = 32 * kLanes;
  RowMaximum best{.value = -kLargest, .index = 0, .is_usable = true};
  bool is_found = false;
  for (std::size_t begin = 0; begin < x.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, x.size());
    Floats highest = Floats{} - kLargest;
    Ints is_bad{};
    std::size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      const Floats lanes = load(x.data() + i);
      highest = lanes > highest ? lanes : highest;
      is_bad |= ~(lanes <= kLargest);  // NaN or +inf
    }
    best.is_usable = best.is_usable && !any(is_bad);
    float block = -kLargest;
    for (std::size_t lane = 0; lane < kLanes; ++lane) block = std::max(block, highest[lane]);
    for (; i < end; ++i) {
      best.is_usable = best.is_usable && x[i] <= kLargest;
      block = std::max(block, x[i]);
    }
    if (is_found && block <= best.value) continue;
    const auto place = std::find(x.begin() + static_cast<std::ptrdiff_t>(begin),
                                 x.begin() + static_cast<std::ptrdiff_t>(end), block);
    const auto index = static_cast<std::size_t>(place - x.begin());
    if (index == end) continue;  // nothing but -inf and NaN
    best.value = block;
    best.index = index;
    is_found = true;
  }
  best.is_usable = best.is_usable && is_found;
  return best;
}

HEARTH_FOR_EACH_PROCESSOR
RowCounts count_against(std::span<const float> x, float value) {
  Ints above{};
  Ints equal{};
  std::size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    const Floats lanes = load(x.data() + i);
    above -= lanes > value;  // a true lane is −1
    equal -= lanes == value;
  }
  RowCounts counts;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    counts.num_above += above[lane];
    counts.num_equal += equal[lane];
  }
  for (; i < x.size(); ++i) {
    counts.num_above += x[i] > value ? 1 : 0;
    counts.num_equal += x[i] == value ? 1 : 0;
  }
  return counts;
}

namespace {

constexpr std::size_t kStride = 16 * kLanes;

HEARTH_INLINE bool has_at_least(const float* x, float least) {
  Ints hits{};
  for (std::size_t k = 0; k < kStride; k += kLanes) {
    const Floats lanes = load(x + k);
    hits += lanes >= least;
    hits += lanes != lanes;
  }
  return any(hits);
}

}  // namespace

HEARTH_FOR_EACH_PROCESSOR
std::size_t find_at_least(std::span<const float> x, float least, std::size_t begin) {
  std::size_t i = begin;
  while (i + kStride <= x.size() && !has_at_least(x.data() + i, least)) i += kStride;
  while (i < x.size() && x[i] < least) ++i;
  return i;
}

HEARTH_FOR_EACH_PROCESSOR
void list_at_least(std::span<const float> x, float least, std::vector<std::uint32_t>& out) {
  out.clear();
  for (std::size_t begin = 0; begin < x.size(); begin += kStride) {
    const std::size_t end = std::min(begin + kStride, x.size());
    if (end - begin == kStride && !has_at_least(x.data() + begin, least)) continue;
    for (std::size_t i = begin; i < end; ++i) {
      if (!(x[i] < least)) out.push_back(static_cast<std::uint32_t>(i));
    }
  }
}

}  // namespace hearth::engine

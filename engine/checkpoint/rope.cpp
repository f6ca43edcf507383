#include "engine/checkpoint/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace hearth::engine {
namespace {

// "Llama 3.1" long-context scaling: long wavelengths are stretched by the factor, short ones not,
// with a ramp between.
double llama3_scaled(double frequency, const RopeSpec& rope) {
  const auto original = static_cast<double>(rope.original_max_position);
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  if (wavelength < original / rope.high_freq_factor) return frequency;
  if (wavelength > original / rope.low_freq_factor) return frequency / rope.factor;
  const double smooth = (original / wavelength - rope.low_freq_factor) /
                        (rope.high_freq_factor - rope.low_freq_factor);
  return (1.0 - smooth) * frequency / rope.factor + smooth * frequency;
}

// "YaRN", Peng et al. 2023: the pairs between `low` and `high` blend from unscaled to scaled.
struct YarnRamp {
  double low = 0.0;
  double high = 0.0;

  double at(double pair) const { return std::clamp((pair - low) / (high - low), 0.0, 1.0); }
};

YarnRamp yarn_ramp(const RopeSpec& rope) {
  const auto dim = static_cast<double>(rope.dim);
  const auto correction = [&](double rotations) {
    const double wavelengths =
        static_cast<double>(rope.original_max_position) / (rotations * 2.0 * std::numbers::pi);
    return dim * std::log(wavelengths) / (2.0 * std::log(rope.theta));
  };
  YarnRamp ramp{correction(rope.beta_fast), correction(rope.beta_slow)};
  if (rope.truncate) ramp = {std::floor(ramp.low), std::ceil(ramp.high)};
  ramp.low = std::max(ramp.low, 0.0);
  ramp.high = std::min(ramp.high, dim - 1.0);
  if (ramp.low == ramp.high) ramp.high += 0.001;
  return ramp;
}

double yarn_attention_factor(const RopeSpec& rope) {
  const auto scale = [](double factor, double mscale) {
    return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
  };
  if (rope.attention_factor) return *rope.attention_factor;
  if (rope.mscale.value_or(0.0) != 0.0 && rope.mscale_all_dim.value_or(0.0) != 0.0) {
    return scale(rope.factor, *rope.mscale) / scale(rope.factor, *rope.mscale_all_dim);
  }
  return scale(rope.factor, 1.0);
}

double longrope_attention_factor(const RopeSpec& rope) {
  if (rope.attention_factor) return *rope.attention_factor;
  if (rope.factor <= 1.0) return 1.0;
  return std::sqrt(1.0 + std::log(rope.factor) /
                             std::log(static_cast<double>(rope.original_max_position)));
}

double attention_factor(const RopeSpec& rope) {
  if (rope.kind == RopeKind::yarn) return yarn_attention_factor(rope);
  if (rope.kind == RopeKind::longrope) return longrope_attention_factor(rope);
  return 1.0;
}

// The nearest number with 11 significant bits, and none below 2^−24: fp16, ties to even.
// Frequencies lie in (0, 1].
float rounded_to_half(double value) {
  int exponent = 0;
  std::frexp(value, &exponent);
  const int lowest = std::max(exponent - 11, -24);  // weight of the last bit that is kept
  return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(value, -lowest)), lowest));
}

}  // namespace

RopeTable make_rope_table(const RopeSpec& rope, std::int64_t sequence_length) {
  const bool is_long = sequence_length > rope.original_max_position;
  const std::vector<double>& extension = is_long ? rope.long_factor : rope.short_factor;
  const YarnRamp ramp = rope.kind == RopeKind::yarn ? yarn_ramp(rope) : YarnRamp{};

  RopeTable table;
  for (std::int64_t j = 0; j < rope.dim / 2; ++j) {
    const double exponent = 2.0 * static_cast<double>(j) / static_cast<double>(rope.dim);
    double frequency = std::pow(rope.theta, -exponent);
    switch (rope.kind) {
      case RopeKind::standard:
        break;
      case RopeKind::linear:
        frequency /= rope.factor;
        break;
      case RopeKind::llama3:
        frequency = llama3_scaled(frequency, rope);
        break;
      case RopeKind::yarn: {
        const double share = ramp.at(static_cast<double>(j));
        frequency = frequency / rope.factor * share + frequency * (1.0 - share);
        break;
      }
      case RopeKind::longrope:
        frequency /= extension[static_cast<std::size_t>(j)];
        break;
    }
    table.inv_freq.push_back(rope.half_precision_frequencies ? rounded_to_half(frequency)
                                                             : static_cast<float>(frequency));
  }
  table.attention_factor = static_cast<float>(attention_factor(rope));
  return table;
}

}  // namespace hearth::engine

#include "engine/cpu/packed_matrix.h"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/cpu/instruction_set.h"
#include "tests/engine/cpu/kernel_inputs.h"

namespace hearth::engine::cpu {
namespace {

TEST(PackedMatrix, Bf16KeepsEveryValueThatIsABf16) {
  std::vector<float> weights;
  for (int i = 0; i < 40 * 70; ++i) weights.push_back(static_cast<float>(i % 251 - 125) * 0.25F);
  const OwnedMatrix owned = packed(WeightFormat::bf16, 40, 70, weights);
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_EQ(owned.as_seen[i], weights[i]) << i;
}

TEST(PackedMatrix, Int8IsWithinHalfAStepOfEachGroup) {
  const std::vector<float> weights = normal_values(33 * 96, 7);
  const OwnedMatrix owned = packed(WeightFormat::int8, 33, 96, weights);
  for (std::size_t group = 0; group < weights.size(); group += kGroup) {
    float largest = 0.0F;
    for (std::size_t i = group; i < group + kGroup; ++i)
      largest = std::max(largest, std::fabs(weights[i]));
    const double step = largest / 127.0;
    for (std::size_t i = group; i < group + kGroup; ++i)
      EXPECT_NEAR(owned.as_seen[i], weights[i], step * 0.5 + largest * 1e-3) << i;
  }
}

TEST(PackedMatrix, Int4SearchedScaleBeatsTheLargestWeightOverSeven) {
  const std::vector<float> weights = normal_values(64 * 128, 11);
  const OwnedMatrix owned = packed(WeightFormat::int4, 64, 128, weights);
  double searched = 0.0;
  double plain = 0.0;
  for (std::size_t group = 0; group < weights.size(); group += kGroup) {
    float largest = 0.0F;
    for (std::size_t i = group; i < group + kGroup; ++i)
      largest = std::max(largest, std::fabs(weights[i]));
    for (std::size_t i = group; i < group + kGroup; ++i) {
      const double step = largest / 7.0;
      searched += std::pow(owned.as_seen[i] - weights[i], 2);
      plain += std::pow(std::nearbyint(weights[i] / step) * step - weights[i], 2);
    }
  }
  EXPECT_LT(searched, plain * 0.85);
}

// Weights of every size that fp16 scales can and cannot hold.
std::vector<float> weights_of_all_sizes(std::size_t count) {
  std::vector<float> weights = normal_values(count, 23);
  for (std::size_t group = 0; group * kGroup < count; ++group) {
    const float size = std::exp2(static_cast<float>(group % 40) - 30.0F);
    for (std::size_t i = group * kGroup; i < count && i < (group + 1) * kGroup; ++i)
      weights[i] *= size;
  }
  return weights;
}

TEST(PackedMatrix, EveryInstructionSetPacksTheSameBytes) {
  const std::vector<float> weights = weights_of_all_sizes(70 * 200);
  for (const WeightFormat format : {WeightFormat::bf16, WeightFormat::int8, WeightFormat::int4}) {
    const OwnedMatrix expected = packed(format, 70, 200, weights);
    for (const std::string_view name : available_kernels()) {
      const OwnedMatrix owned = packed(format, 70, 200, weights, **choose_kernels(name));
      EXPECT_EQ(owned.bytes, expected.bytes) << name << ", " << to_string(format);
    }
  }
}

TEST(PackedMatrix, AWeightThatIsNoNumberSpoilsOnlyItself) {
  for (const WeightFormat format : {WeightFormat::int8, WeightFormat::int4}) {
    std::vector<float> weights(32, 1.0F);
    weights[3] = NAN;
    const OwnedMatrix owned = packed(format, 1, 32, weights);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (i == 3) continue;
      EXPECT_NEAR(owned.as_seen[i], 1.0, 0.08) << to_string(format) << ' ' << i;
    }
  }
}

TEST(PackedMatrix, ZerosStayZerosInEveryFormat) {
  for (const WeightFormat format : {WeightFormat::bf16, WeightFormat::int8, WeightFormat::int4}) {
    const OwnedMatrix owned = packed(format, 5, 40, std::vector<float>(200, 0.0F));
    for (const double value : owned.as_seen) EXPECT_EQ(value, 0.0);
  }
}

TEST(PackedMatrix, GateAndUpShareEachPanel) {
  PackedMatrix matrix;
  matrix.rows = 64;
  matrix.k = 32;
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(matrix.bytes()));
  matrix.data = bytes.data();
  WorkerPool pool(1);
  const auto constant_row = [](float sign) {
    return [sign](std::int64_t row, float* out) {
      std::fill_n(out, 32, sign * static_cast<float>(row + 1));
    };
  };
  pack_gate_up(matrix, constant_row(1.0F), constant_row(-1.0F), 24, scalar_kernels(), pool);
  std::vector<float> row(32);
  for (std::int64_t slot = 0; slot < 64; ++slot) {
    matrix.unpack_row(slot, row.data());
    const std::int64_t source = slot / 64 * 32 + slot % 32;
    const float sign = slot % 64 < 32 ? 1.0F : -1.0F;
    EXPECT_EQ(row[5], source < 24 ? sign * static_cast<float>(source + 1) : 0.0F) << slot;
  }
}

}  // namespace
}  // namespace hearth::engine::cpu

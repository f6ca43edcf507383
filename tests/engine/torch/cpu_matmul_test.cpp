#include "engine/torch/cpu_matmul.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

std::vector<float> random_floats(std::int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(generator);
  return values;
}

std::vector<std::uint16_t> truncated_to_bf16(const std::vector<float>& values) {
  std::vector<std::uint16_t> halves(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &values[i], sizeof bits);
    halves[i] = static_cast<std::uint16_t>(bits >> 16);
  }
  return halves;
}

float widened(std::uint16_t half) {
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float value = 0.0F;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

struct Shape {
  std::int64_t rows;
  std::int64_t depth;
  std::int64_t outputs;
};

// Every remainder of rows, outputs and vector length.
const Shape kShapes[] = {{1, 1, 1},  {1, 15, 3},  {2, 16, 4},  {3, 17, 5},   {4, 31, 7},
                         {5, 64, 9}, {7, 80, 11}, {9, 128, 2}, {65, 33, 13}, {130, 48, 6}};

TEST(CpuMatmul, EqualsDoublePrecisionForEveryRemainder) {
  for (const Shape& shape : kShapes) {
    const auto x = random_floats(shape.rows * shape.depth, 1);
    const auto w = random_floats(shape.outputs * shape.depth, 2);
    const auto halves = truncated_to_bf16(w);
    for (const bool is_bf16 : {false, true}) {
      const MatmulInput input{
          x.data(),    shape.rows,
          shape.depth, is_bf16 ? static_cast<const void*>(halves.data()) : w.data(),
          is_bf16,     shape.outputs};
      std::vector<float> out(static_cast<std::size_t>(shape.rows * shape.outputs), NAN);
      cpu_matmul(input, 0, shape.outputs, out.data());
      for (std::int64_t r = 0; r < shape.rows; ++r) {
        for (std::int64_t o = 0; o < shape.outputs; ++o) {
          double expected = 0.0;
          for (std::int64_t k = 0; k < shape.depth; ++k) {
            const auto i = static_cast<std::size_t>(o * shape.depth + k);
            expected += static_cast<double>(x[static_cast<std::size_t>(r * shape.depth + k)]) *
                        (is_bf16 ? widened(halves[i]) : w[i]);
          }
          EXPECT_NEAR(out[static_cast<std::size_t>(r * shape.outputs + o)], expected, 1e-4);
        }
      }
    }
  }
}

TEST(CpuMatmul, ARowsResultDoesNotDependOnTheOtherRowsNorOnTheSplitOfTheOutputs) {
  const Shape shape{67, 100, 23};
  const auto x = random_floats(shape.rows * shape.depth, 3);
  const auto w = random_floats(shape.outputs * shape.depth, 4);
  const MatmulInput all{x.data(), shape.rows, shape.depth, w.data(), false, shape.outputs};
  std::vector<float> together(static_cast<std::size_t>(shape.rows * shape.outputs));
  cpu_matmul(all, 0, shape.outputs, together.data());
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    MatmulInput one = all;
    one.x = x.data() + r * shape.depth;
    one.num_rows = 1;
    std::vector<float> alone(static_cast<std::size_t>(shape.outputs));
    cpu_matmul(one, 0, 6, alone.data());
    cpu_matmul(one, 6, shape.outputs, alone.data());
    EXPECT_EQ(0, std::memcmp(alone.data(), together.data() + r * shape.outputs,
                             alone.size() * sizeof(float)))
        << "row " << r;
  }
}

}  // namespace
}  // namespace hearth::engine

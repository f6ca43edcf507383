// Every instruction set against fp64, and against the scalar unit that defines the sums.
#include "engine/cpu/kernels/kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "engine/cpu/instruction_set.h"
#include "engine/cpu/kernels/half.h"
#include "tests/engine/cpu/kernel_inputs.h"

namespace hearth::engine::cpu {
namespace {

class Kernels : public testing::TestWithParam<std::string_view> {
 protected:
  const KernelTable& kernels() const { return **choose_kernels(GetParam()); }
  // VDPBF16PS rounds products its own way; everything else must be the scalar unit's bits.
  bool exact(WeightFormat format) const {
    return format != WeightFormat::bf16 || !kernels().bf16_activations;
  }
};

INSTANTIATE_TEST_SUITE_P(Available, Kernels, testing::ValuesIn(available_kernels()),
                         [](const auto& test) {
                           std::string name(test.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(Kernels, ProductsEqualFp64WithinTheRoundingOfTheInputs) {
  for (const WeightFormat format : {WeightFormat::bf16, WeightFormat::int8, WeightFormat::int4}) {
    for (const std::int64_t k : {1, 2, 31, 32, 33, 80, 96, 200, 896}) {
      for (const std::int64_t rows : {1, 5, 16, 32, 37}) {
        const OwnedMatrix owned =
            packed(format, rows, k, normal_values(static_cast<std::size_t>(rows * k), 5));
        const std::vector<float> inputs = normal_values(static_cast<std::size_t>(13 * k), 6);
        Activations activations(kernels());
        activations.prepare(format, 13, k);
        for (std::int64_t row = 0; row < 13; ++row) activations.put(row, inputs.data() + row * k);
        const std::vector<float> result = product(kernels(), owned.matrix, activations);
        const std::int64_t width = owned.matrix.num_panels() * kPanelRows;
        // Activations are rounded: to 8 bits with a power of two as the scale of 32 (error ≤
        // max/127), or to bf16 (2⁻⁹), or not at all.
        const double rounding = format != WeightFormat::bf16 ? 4.0 / 127.0
                                : kernels().bf16_activations ? 1.0 / 256.0
                                                             : 1e-6;
        for (std::int64_t row = 0; row < 13; ++row) {
          for (std::int64_t n = 0; n < rows; ++n) {
            double expected = 0.0;
            double size = 0.0;
            for (std::int64_t i = 0; i < k; ++i) {
              const double w = owned.as_seen[static_cast<std::size_t>(n * k + i)];
              expected += w * inputs[static_cast<std::size_t>(row * k + i)];
              size += w * w;
            }
            const float actual = result[static_cast<std::size_t>(row * width + n)];
            EXPECT_NEAR(actual, expected, rounding * (std::sqrt(size) + 1e-3) * 4.0)
                << to_string(format) << " k " << k << " row " << row << " n " << n;
          }
        }
      }
    }
  }
}

TEST_P(Kernels, ProductsAreTheScalarUnitsBits) {
  for (const WeightFormat format : {WeightFormat::bf16, WeightFormat::int8, WeightFormat::int4}) {
    if (!exact(format)) continue;
    for (const std::int64_t k : {1, 33, 96, 320}) {
      const OwnedMatrix owned =
          packed(format, 50, k, normal_values(static_cast<std::size_t>(50 * k), 8));
      const std::vector<float> inputs = normal_values(static_cast<std::size_t>(7 * k), 9);
      const auto run = [&](const KernelTable& table) {
        Activations activations(table);
        activations.prepare(format, 7, k);
        for (std::int64_t row = 0; row < 7; ++row) activations.put(row, inputs.data() + row * k);
        return product(table, owned.matrix, activations);
      };
      EXPECT_EQ(run(kernels()), run(scalar_kernels())) << to_string(format) << " k " << k;
    }
  }
}

TEST_P(Kernels, NormAndGatesAreTheScalarUnitsBits) {
  for (const std::int64_t n : {1, 7, 8, 15, 16, 17, 64, 80, 896}) {
    const auto size = static_cast<std::size_t>(n);
    const std::vector<float> x = normal_values(size, 1);
    const std::vector<float> y = normal_values(size, 2);
    std::vector<float> actual(size);
    std::vector<float> expected(size);
    kernels().rms_norm(x.data(), y.data(), 1.0F, 1e-6F, n, actual.data());
    scalar_kernels().rms_norm(x.data(), y.data(), 1.0F, 1e-6F, n, expected.data());
    EXPECT_EQ(actual, expected) << "rms_norm " << n;
    double mean = 0.0;
    for (const float value : x) mean += static_cast<double>(value) * value / static_cast<double>(n);
    for (std::size_t i = 0; i < size; ++i)
      EXPECT_NEAR(actual[i], x[i] / std::sqrt(mean + 1e-6) * (y[i] + 1.0), 1e-5);
    kernels().silu_gate(x.data(), y.data(), n, actual.data());
    scalar_kernels().silu_gate(x.data(), y.data(), n, expected.data());
    EXPECT_EQ(actual, expected) << "silu " << n;
    for (std::size_t i = 0; i < size; ++i)
      EXPECT_NEAR(actual[i], x[i] / (1.0 + std::exp(-static_cast<double>(x[i]))) * y[i], 2e-6);
    kernels().gelu_tanh_gate(x.data(), y.data(), n, actual.data());
    scalar_kernels().gelu_tanh_gate(x.data(), y.data(), n, expected.data());
    EXPECT_EQ(actual, expected) << "gelu " << n;
    for (std::size_t i = 0; i < size; ++i) {
      const double v = x[i];
      EXPECT_NEAR(
          actual[i],
          0.5 * v * (1.0 + std::tanh(0.7978845608028654 * (v + 0.044715 * v * v * v))) * y[i],
          3e-6);
    }
  }
}

TEST_P(Kernels, GatesStayFiniteAtTheEnds) {
  const std::vector<float> x = {-200.0F, -88.0F, -87.0F, 0.0F, 87.0F, 200.0F, 3e38F, -3e38F};
  const std::vector<float> one(x.size(), 1.0F);
  std::vector<float> out(x.size());
  kernels().silu_gate(x.data(), one.data(), static_cast<std::int64_t>(x.size()), out.data());
  for (const float value : out) EXPECT_TRUE(std::isfinite(value));
  EXPECT_EQ(out[5], 200.0F);
  EXPECT_NEAR(out[0], 0.0F, 1e-30);
}

TEST_P(Kernels, RoundsActivationsAsTheScalarUnitDoes) {
  std::vector<float> x = normal_values(70, 12);
  x[3] = 127.0F;   // the largest that a scale of 1 holds
  x[40] = 127.1F;  // needs 2
  constexpr int kRows = 3;
  std::vector<std::int8_t> q8(96 * kRows), q8_expected(96 * kRows);
  std::vector<std::int32_t> scale(3 * kRows), scale_expected(3 * kRows);
  std::vector<std::int32_t> minus_sum(3 * kRows), minus_sum_expected(3 * kRows);
  std::vector<std::uint16_t> half(96 * kRows), half_expected(96 * kRows);
  for (int row = 0; row < kRows; ++row) {
    EXPECT_TRUE(kernels().put_q8(x.data(), 70, 96, row, kRows, kInt8Zero, q8.data(), scale.data(),
                                 minus_sum.data()));
    EXPECT_TRUE(scalar_kernels().put_q8(x.data(), 70, 96, row, kRows, kInt8Zero, q8_expected.data(),
                                        scale_expected.data(), minus_sum_expected.data()));
    kernels().put_bf16(x.data(), 70, 96, row, kRows, half.data());
    scalar_kernels().put_bf16(x.data(), 70, 96, row, kRows, half_expected.data());
  }
  EXPECT_EQ(q8, q8_expected);
  EXPECT_EQ(scale, scale_expected);
  EXPECT_EQ(minus_sum, minus_sum_expected);
  EXPECT_EQ(half, half_expected);
  EXPECT_EQ(scale[0], 0);
  EXPECT_EQ(scale[kRows], 1 << 23);
  EXPECT_EQ(q8[3], 127);
  EXPECT_EQ(q8[kRows * kGroup + 8], 64);
}

// Scales are powers of two from 2^-100 to 2^100: what is less is 0, what is more makes its row's
// products no numbers, and leaves the other rows alone.
TEST_P(Kernels, ActivationsOfEverySizeMeetInt8AndInt4Weights) {
  constexpr std::int64_t kWidth = 64;
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> sizes = {0.0F, 1e-44F, 1e-20F, 1.0F, 1e30F, 3e38F, infinity, NAN};
  std::vector<float> weights(kWidth * 2, 0.0F);  // a row of zeros, whose scale could be 0
  std::fill_n(weights.begin(), kWidth, 0.5F);
  for (const WeightFormat format : {WeightFormat::int8, WeightFormat::int4}) {
    const OwnedMatrix owned = packed(format, 2, kWidth, weights);
    Activations activations(kernels());
    const auto rows = static_cast<std::int64_t>(sizes.size());
    activations.prepare(format, rows, kWidth);
    for (std::int64_t row = 0; row < rows; ++row) {
      std::vector<float> x(kWidth, 0.0F);
      x[40] = sizes[static_cast<std::size_t>(row)];
      activations.put(row, x.data());
    }
    const std::vector<float> result = product(kernels(), owned.matrix, activations);
    for (std::size_t row = 0; row < sizes.size(); ++row) {
      const float halves = result[row * kPanelRows];
      const float zeros = result[row * kPanelRows + 1];
      if (sizes[row] > 1e32F || std::isnan(sizes[row])) {
        EXPECT_TRUE(std::isnan(halves) && std::isnan(zeros)) << sizes[row];
        continue;
      }
      const double step = format == WeightFormat::int8 ? 0.01 : 0.08;
      const double expected = sizes[row] < 1e-30F ? 0.0 : 0.5 * static_cast<double>(sizes[row]);
      EXPECT_NEAR(halves, expected, step * expected) << to_string(format) << " " << sizes[row];
      EXPECT_EQ(zeros, 0.0F) << sizes[row];
    }
  }
}

// The KV blocks of one chunk, and the same numbers widened.
struct Chunk {
  explicit Chunk(int dim) {
    for (int b = 0; b < kChunkTokens / kBlockTokens; ++b) {
      const std::vector<float> numbers = normal_values(
          static_cast<std::size_t>(2 * dim * kBlockTokens), static_cast<unsigned>(b + 100));
      std::vector<std::uint16_t>& block = storage.emplace_back(numbers.size());
      for (int t = 0; t < kBlockTokens; ++t) {
        for (int d = 0; d < dim; ++d) {
          const std::uint16_t k = to_bf16(numbers[static_cast<std::size_t>(t * dim + d)]);
          const std::uint16_t v =
              to_bf16(numbers[static_cast<std::size_t>((kBlockTokens + t) * dim + d)]);
          block[static_cast<std::size_t>((d / 2) * 2 * kBlockTokens + t * 2 + d % 2)] = k;
          block[static_cast<std::size_t>((kBlockTokens + t) * dim + d)] = v;
          keys.push_back(from_bf16(k));
          values.push_back(from_bf16(v));
        }
      }
    }
    for (const auto& block : storage) blocks.push_back(block.data());
  }

  std::vector<std::vector<std::uint16_t>> storage;
  std::vector<const std::uint16_t*> blocks;
  std::vector<float> keys;    // [kChunkTokens, dim]
  std::vector<float> values;  // [kChunkTokens, dim]
};

struct Attended {
  std::vector<float> max, sum, out;
  bool operator==(const Attended&) const = default;
};

Attended attend(const KernelTable& table, const Chunk& chunk, int dim,
                const std::vector<float>& queries, const std::vector<int>& first,
                const std::vector<int>& last) {
  const std::size_t num = first.size();
  Attended o{std::vector<float>(num), std::vector<float>(num), std::vector<float>(queries.size())};
  table.attend({queries.data(), static_cast<int>(num), dim, chunk.blocks.data(), first.data(),
                last.data(), 0.0F, o.max.data(), o.sum.data(), o.out.data()});
  return o;
}

std::vector<float> scaled_queries(int num, int dim) {
  std::vector<float> queries = normal_values(static_cast<std::size_t>(num * dim), 50);
  for (float& q : queries) q /= std::sqrt(static_cast<float>(dim));
  return queries;
}

// A chunk of 256 keys in shuffled blocks; queries that see all, some and none of it. Where queries
// and probabilities are rounded to bf16, each is off by 2^-9 at most.
TEST_P(Kernels, AttentionEqualsFp64AndTheScalarUnit) {
  const bool rounds = kernels().bf16_activations;
  for (const int dim : {16, 64, 80, 128}) {
    const Chunk chunk(dim);
    for (int num = 1; num <= kMaxQueries; ++num) {
      const std::vector<float> queries = scaled_queries(num, dim);
      std::vector<int> first(static_cast<std::size_t>(num)), last(static_cast<std::size_t>(num));
      for (int q = 0; q < num; ++q) {
        first[static_cast<std::size_t>(q)] = q % 3 == 2 ? 17 : 0;
        last[static_cast<std::size_t>(q)] = q == 4 ? 0 : std::max(18, kChunkTokens - 37 * q);
      }
      const Attended actual = attend(kernels(), chunk, dim, queries, first, last);
      if (!rounds) {
        EXPECT_EQ(actual, attend(scalar_kernels(), chunk, dim, queries, first, last))
            << "dim " << dim << ", " << num << " queries";
      }
      for (std::size_t q = 0; q < first.size(); ++q) {
        double top = -std::numeric_limits<double>::infinity();
        std::vector<double> score(kChunkTokens);
        for (int t = first[q]; t < last[q]; ++t) {
          const auto at = static_cast<std::size_t>(t);
          for (std::size_t d = 0; d < static_cast<std::size_t>(dim); ++d) {
            score[at] += static_cast<double>(queries[q * static_cast<std::size_t>(dim) + d]) *
                         chunk.keys[at * static_cast<std::size_t>(dim) + d];
          }
          top = std::max(top, score[at]);
        }
        for (std::size_t d = 0; d < static_cast<std::size_t>(dim); ++d) {
          double expected = 0.0;
          double size = 0.0;
          for (int t = first[q]; t < last[q]; ++t) {
            const auto at = static_cast<std::size_t>(t);
            const double part =
                std::exp(score[at] - top) * chunk.values[at * static_cast<std::size_t>(dim) + d];
            expected += part;
            size += std::fabs(part);
          }
          EXPECT_NEAR(actual.out[q * static_cast<std::size_t>(dim) + d], expected,
                      rounds ? size / 64.0 : 1e-4);
        }
      }
    }
  }
}

// P9, and a block handed on from another conversation may hold anything behind the last key.
TEST_P(Kernels, AQueryAttendsTheSameAloneAndAmongOthersWhateverLiesBehind) {
  for (const int dim : {16, 64, 80}) {
    Chunk chunk(dim);
    const std::vector<int> first = {0, 3, 0, 16, 1, 0, 0, 2};
    const std::vector<int> last = {1, 6, 131, 37, 0, 16, 111, 97};
    for (int t = 131; t < kChunkTokens; ++t) {
      for (int d = 0; d < dim; ++d) {
        std::vector<std::uint16_t>& block =
            chunk.storage[static_cast<std::size_t>(t / kBlockTokens)];
        const int in_block = t % kBlockTokens;
        block[static_cast<std::size_t>((d / 2) * 2 * kBlockTokens + in_block * 2 + d % 2)] = 0x7FC0;
        block[static_cast<std::size_t>((kBlockTokens + in_block) * dim + d)] = 0x7FC0;
      }
    }
    const std::vector<float> queries = scaled_queries(kMaxQueries, dim);
    const Attended together = attend(kernels(), chunk, dim, queries, first, last);
    for (int q = 0; q < kMaxQueries; ++q) {
      const auto at = static_cast<std::size_t>(q);
      const std::vector<float> query(queries.begin() + q * dim, queries.begin() + (q + 1) * dim);
      const Attended alone = attend(kernels(), chunk, dim, query, {first[at]}, {last[at]});
      if (first[at] >= last[at]) continue;
      EXPECT_EQ(alone.max[0], together.max[at]) << q;
      EXPECT_EQ(alone.sum[0], together.sum[at]) << q;
      EXPECT_EQ(alone.out, std::vector<float>(together.out.begin() + q * dim,
                                              together.out.begin() + (q + 1) * dim))
          << "dim " << dim << ", query " << q;
      for (const float value : alone.out) EXPECT_TRUE(std::isfinite(value));
    }
  }
}

}  // namespace
}  // namespace hearth::engine::cpu

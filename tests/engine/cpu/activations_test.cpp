#include "engine/cpu/activations.h"

#include <gtest/gtest.h>

#include "engine/cpu/instruction_set.h"
#include "tests/engine/cpu/kernel_inputs.h"

namespace hearth::engine::cpu {
namespace {

TEST(Activations, TilesCoverAllRowsAndDifferByAtMostOne) {
  Activations activations(scalar_kernels());
  for (std::int64_t rows = 1; rows <= 40; ++rows) {
    activations.prepare(WeightFormat::int8, rows, 64);
    std::int64_t covered = 0;
    for (std::int64_t t = 0; t < activations.num_tiles(); ++t) {
      EXPECT_EQ(activations.first_row(t), covered);
      const int height = activations.tile(t).rows;
      EXPECT_LE(height, scalar_kernels().rows_int8);
      EXPECT_GE(height, rows / activations.num_tiles());
      covered += height;
    }
    EXPECT_EQ(covered, rows);
  }
}

// P9 at its root: whoever shares the product with a row, its numbers are the same bits.
TEST(Activations, ARowsProductIsTheSameBitsAloneAndInAnyBatch) {
  constexpr std::int64_t kRows = 45;
  constexpr std::int64_t kWidth = 200;
  constexpr std::int64_t kBatch = 32;
  const std::vector<float> weights = normal_values(kRows * kWidth, 3);
  const std::vector<float> inputs = normal_values(kBatch * kWidth, 4);
  for (const std::string_view name : available_kernels()) {
    const KernelTable& kernels = **choose_kernels(name);
    for (const WeightFormat format : {WeightFormat::bf16, WeightFormat::int8, WeightFormat::int4}) {
      const OwnedMatrix owned = packed(format, kRows, kWidth, weights);
      Activations alone(kernels);
      alone.prepare(format, 1, kWidth);
      alone.put(0, inputs.data());
      const std::vector<float> expected = product(kernels, owned.matrix, alone);
      for (std::int64_t batch = 2; batch <= kBatch; ++batch) {
        Activations together(kernels);
        together.prepare(format, batch, kWidth);
        for (std::int64_t row = 0; row < batch; ++row)
          together.put(row, inputs.data() + (batch - 1 - row) * kWidth);
        const std::vector<float> result = product(kernels, owned.matrix, together);
        const std::vector<float> last(result.end() - static_cast<std::ptrdiff_t>(expected.size()),
                                      result.end());
        EXPECT_EQ(last, expected) << name << " " << to_string(format) << " in a batch of " << batch;
      }
    }
  }
}

}  // namespace
}  // namespace hearth::engine::cpu

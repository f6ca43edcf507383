#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/engine/cuda/kernel_cases.h"
#include "tests/engine/cuda/test_memory.h"

namespace hearth::engine::cuda::testing {
namespace {

constexpr int kTokens = 3;
constexpr int kDim = 16;
constexpr int kRopeHalf = 6;  // the last four channels are not rotated

void expect_rope(Device& device, bool interleaved, bool has_norms) {
  TestMemory memory(device);
  const int width = (2 + 2) * kDim;  // two query heads, one of each other
  const std::vector<float> qkv = random_values(kTokens * static_cast<std::size_t>(width), 1);
  const std::vector<float> bias = random_values(static_cast<std::size_t>(width), 2);
  const std::vector<float> norm = random_values(kDim, 3);
  const std::vector<float> table = random_values(40 * kRopeHalf * 2, 4);
  const std::vector<std::int32_t> positions = {0, 17, 38};
  const std::vector<std::int32_t> rows = {1, 0, 0};
  const std::vector<std::int32_t> tables = {4, 2, 0, 3, 1, 5};
  RopeArgs args;
  args.qkv = memory.put(qkv);
  args.num_tokens = kTokens;
  args.bias = memory.put(bias);
  if (has_norms) args.q_norm = args.k_norm = memory.put(norm);
  args.norm_eps = 1e-6F;
  args.heads = {memory.put(positions),
                memory.put(rows),
                memory.put(tables),
                3,
                2,
                1,
                kDim,
                kDim,
                nullptr,
                nullptr,
                nullptr,
                nullptr};
  args.heads.queries = static_cast<float*>(memory.zeros(kTokens * 2 * kDim * 4));
  args.heads.keys = memory.zeros(6 * kDim * kBlockTokens * 4);
  args.heads.values = memory.zeros(6 * kDim * kBlockTokens * 4);
  args.heads.rope = memory.put(table);
  args.heads.rope_half = kRopeHalf;
  args.heads.interleaved = interleaved;
  device.launch(args);
  const auto queries = memory.get(args.heads.queries, kTokens * 2 * kDim);
  const auto keys = memory.get(static_cast<float*>(args.heads.keys), 6 * kDim * kBlockTokens);
  const auto values = memory.get(static_cast<float*>(args.heads.values), 6 * kDim * kBlockTokens);
  for (std::size_t t = 0; t < kTokens; ++t) {
    for (std::size_t head = 0; head < 4; ++head) {
      std::vector<double> expected(kDim);
      double squares = 0.0;
      for (std::size_t c = 0; c < kDim; ++c) {
        const std::size_t i = head * kDim + c;
        expected[c] = static_cast<double>(qkv[t * static_cast<std::size_t>(width) + i]) +
                      static_cast<double>(bias[i]);
        squares += expected[c] * expected[c];
      }
      for (std::size_t c = 0; c < kDim && has_norms && head < 3; ++c)
        expected[c] *= static_cast<double>(norm[c]) / std::sqrt(squares / kDim + 1e-6);
      for (std::size_t j = 0; j < kRopeHalf && head < 3; ++j) {
        const float* angle =
            table.data() + (static_cast<std::size_t>(positions[t]) * kRopeHalf + j) * 2;
        double& a = expected[interleaved ? 2 * j : j];
        double& b = expected[interleaved ? 2 * j + 1 : j + kRopeHalf];
        const double old = a;
        a = old * static_cast<double>(angle[0]) - b * static_cast<double>(angle[1]);
        b = b * static_cast<double>(angle[0]) + old * static_cast<double>(angle[1]);
      }
      const auto offset = static_cast<std::size_t>(positions[t] % kBlockTokens);
      const auto block = static_cast<std::size_t>(
          tables[static_cast<std::size_t>(rows[t] * 3 + positions[t] / kBlockTokens)]);
      for (std::size_t c = 0; c < kDim; ++c) {
        // Keys: [pieces of 4][16 tokens][4]; values: [16 tokens][D].
        const float actual = head < 2 ? queries[(t * 2 + head) * kDim + c]
                             : head == 2
                                 ? keys[block * kDim * 16 + (c / 4 * 16 + offset) * 4 + c % 4]
                                 : values[block * kDim * 16 + offset * kDim + c];
        ASSERT_NEAR(static_cast<double>(actual), expected[c], 1e-5)
            << "token " << t << ", head " << head << ", channel " << c;
      }
    }
  }
}

}  // namespace

void expect_rope_is_exact(Device& device) {
  for (const bool interleaved : {false, true}) {
    for (const bool has_norms : {false, true}) expect_rope(device, interleaved, has_norms);
  }
}

void expect_row_kernels_are_exact(Device& device) {
  TestMemory memory(device);
  std::vector<double> seen;
  EmbedArgs embed;
  embed.table = memory.put_matrix(random_values(5 * 70, 1), 5, 70, Numbers::int8, seen);
  embed.ids = memory.put(std::vector<std::int32_t>{4, 0});
  embed.num_tokens = 2;
  embed.scale = 3.0F;
  embed.residual = static_cast<float*>(memory.zeros(2 * 70 * 4));
  device.launch(embed);
  const std::vector<float> residual = memory.get(embed.residual, 2 * 70);
  for (std::size_t i = 0; i < 70; ++i) {
    ASSERT_NEAR(static_cast<double>(residual[i]), 3.0 * seen[4 * 70 + i], 1e-5);
    ASSERT_NEAR(static_cast<double>(residual[70 + i]), 3.0 * seen[i], 1e-5);
  }

  // Rows 1 and 0 of two, the first as activations; a row with a NaN says so.
  std::vector<float> rows = random_values(2 * 70, 2);
  rows[3] = std::numeric_limits<float>::quiet_NaN();
  RmsNormArgs norm;
  norm.norm = {memory.put(rows), memory.put(std::vector<float>(70, 0.5F)), 1.0F, 1e-6F, 70};
  norm.sources = memory.put(std::vector<std::int32_t>{1, 0});
  norm.num_rows = 2;
  norm.num_activations = 1;
  norm.out = memory.zeros(96 * 4);
  norm.out_stride = 96;
  norm.wide = static_cast<float*>(memory.zeros(70 * 4));
  norm.finite = static_cast<float*>(memory.zeros(8));
  device.launch(norm);
  EXPECT_EQ(memory.get(norm.finite, 2), (std::vector<float>{1.0F, 0.0F}));
  const std::vector<float> normed = memory.get(static_cast<float*>(norm.out), 96);
  double squares = 0.0;
  for (std::size_t i = 0; i < 70; ++i)
    squares += static_cast<double>(rows[70 + i]) * static_cast<double>(rows[70 + i]);
  for (std::size_t i = 0; i < 70; ++i)
    ASSERT_NEAR(static_cast<double>(normed[i]),
                1.5 * static_cast<double>(rows[70 + i]) / std::sqrt(squares / 70), 1e-5);
  EXPECT_EQ(normed[70], 0.0F);

  FinishArgs finish{memory.put(std::vector<float>{1.0F, 2.0F, 3.0F, 4.0F}), 2, 2,
                    memory.put(std::vector<float>{10.0F, 20.0F}), 0.0F};
  device.launch(finish);
  EXPECT_EQ(memory.get(finish.out, 4), (std::vector<float>{11.0F, 22.0F, 13.0F, 24.0F}));

  GateArgs gate;
  gate.gate_up = memory.put(std::vector<float>{0.0F, 100.0F, 5.0F, 7.0F});
  gate.num_tokens = 1;
  gate.width = 2;
  gate.out = memory.zeros(32 * 4);
  gate.out_stride = 32;
  device.launch(gate);
  EXPECT_EQ(memory.get(static_cast<float*>(gate.out), 3), (std::vector<float>{0.0F, 700.0F, 0.0F}));

  seen.clear();
  WidenArgs widen{memory.put_matrix(random_values(6 * 40, 3), 6, 40, Numbers::int8, seen), 2, 3,
                  memory.zeros(3 * 64 * 2)};
  device.launch(widen);
  const std::vector<float> wide = memory.get_activations(widen.out, 3 * 64, Numbers::bf16);
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t i = 0; i < 40; ++i) {
      const double expected = seen[(2 + r) * 40 + i];
      ASSERT_NEAR(static_cast<double>(wide[r * 64 + i]), expected, 0.004 * std::fabs(expected));
    }
    EXPECT_EQ(wide[r * 64 + 40], 0.0F);
  }
}

}  // namespace hearth::engine::cuda::testing

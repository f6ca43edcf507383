// Frequencies against the reference numbers of models §3.3 and §3.4.
#include "engine/checkpoint/rope.h"

#include <cmath>

#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

void expect_close(float actual, double expected) {
  EXPECT_NEAR(actual / expected, 1.0, 1e-6) << "expected " << expected;
}

TEST(Rope, StandardFrequenciesFallFromOne) {
  const RopeTable table = make_rope_table({.dim = 128, .theta = 5e5}, 1);
  ASSERT_EQ(table.inv_freq.size(), 64U);
  EXPECT_EQ(table.inv_freq[0], 1.0F);
  expect_close(table.inv_freq[16], 0.0376060309);
  expect_close(table.inv_freq[63], 2.45514079e-06);
  EXPECT_EQ(table.attention_factor, 1.0F);
}

TEST(Rope, LinearDividesEveryFrequency) {
  const RopeTable table =
      make_rope_table({.kind = RopeKind::linear, .dim = 4, .theta = 1e4, .factor = 2.5}, 1);
  expect_close(table.inv_freq[0], 0.4);
  expect_close(table.inv_freq[1], 0.004);
}

TEST(Rope, Llama3ScalesLongWavelengthsOnly) {
  const RopeTable table = make_rope_table({.kind = RopeKind::llama3,
                                           .dim = 128,
                                           .theta = 5e5,
                                           .factor = 8.0,
                                           .low_freq_factor = 1.0,
                                           .high_freq_factor = 4.0,
                                           .original_max_position = 8192},
                                          1);
  expect_close(table.inv_freq[0], 1.0);
  expect_close(table.inv_freq[16], 0.0376060309);
  expect_close(table.inv_freq[28], 0.00321144599);
  expect_close(table.inv_freq[29], 0.00216657076);
  expect_close(table.inv_freq[30], 0.00137189357);
  expect_close(table.inv_freq[32], 0.000524846161);
  expect_close(table.inv_freq[35], 9.55621235e-05);
  expect_close(table.inv_freq[63], 3.06892599e-07);
  EXPECT_EQ(table.attention_factor, 1.0F);
}

RopeSpec qwen_yarn() {
  return {.kind = RopeKind::yarn,
          .dim = 128,
          .theta = 1e6,
          .factor = 4.0,
          .original_max_position = 32768};
}

TEST(Rope, YarnBlendsBetweenItsCorrectionBounds) {
  const RopeTable table = make_rope_table(qwen_yarn(), 1);
  expect_close(table.inv_freq[23], std::pow(1e6, -46.0 / 128.0));  // at the low bound: unscaled
  expect_close(table.inv_freq[24], 0.00537532149);
  expect_close(table.inv_freq[30], 0.00106436098);
  expect_close(table.inv_freq[40], 4.44569853e-05);
  EXPECT_NEAR(table.attention_factor, 1.138629436, 1e-6);
}

TEST(Rope, YarnAttentionFactorPrefersTheExplicitOne) {
  RopeSpec rope = qwen_yarn();
  rope.mscale = 2.0;
  rope.mscale_all_dim = 1.0;
  EXPECT_NEAR(make_rope_table(rope, 1).attention_factor, 1.277258872 / 1.138629436, 1e-6);
  rope.attention_factor = 1.5;
  EXPECT_EQ(make_rope_table(rope, 1).attention_factor, 1.5F);
}

TEST(Rope, LongropeChoosesByTheSequenceLength) {
  const RopeSpec rope = {.kind = RopeKind::longrope,
                         .dim = 4,
                         .theta = 1e4,
                         .factor = 32.0,
                         .original_max_position = 4096,
                         .short_factor = {1.0, 2.0},
                         .long_factor = {4.0, 8.0}};
  expect_close(make_rope_table(rope, 4096).inv_freq[1], 0.005);
  expect_close(make_rope_table(rope, 4097).inv_freq[1], 0.00125);
  EXPECT_NEAR(make_rope_table(rope, 1).attention_factor,
              std::sqrt(1.0 + std::log(32.0) / std::log(4096.0)), 1e-6);
}

}  // namespace
}  // namespace hearth::engine

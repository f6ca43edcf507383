#include "engine/checkpoint/tensor_values.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <class T>
TensorView view_of(Dtype dtype, const std::vector<T>& values) {
  TensorView view;
  view.dtype = dtype;
  view.shape = {static_cast<std::int64_t>(values.size())};
  view.strides = {1};
  view.bytes = std::as_bytes(std::span(values));
  return view;
}

TEST(TensorValues, SummariseFindsRangeMeanAndDeviation) {
  const std::vector<float> values = {1.0F, 2.0F, 3.0F, 6.0F};
  const auto summary = summarise(view_of(Dtype::f32, values), 2);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->min, 1.0);
  EXPECT_EQ(summary->max, 6.0);
  EXPECT_DOUBLE_EQ(summary->mean, 3.0);
  EXPECT_DOUBLE_EQ(summary->standard_deviation, std::sqrt(3.5));
  EXPECT_THAT(summary->first, ElementsAre(1.0, 2.0));
}

TEST(TensorValues, HalfPrecisionIsWidenedExactly) {
  const std::vector<std::uint16_t> halves = {0x3C00, 0xC000, 0x0001, 0x7BFF, 0x7C00};
  const auto half = summarise(view_of(Dtype::f16, halves), 4);
  EXPECT_THAT(half->first, ElementsAre(1.0, -2.0, std::ldexp(1.0, -24), 65504.0));
  EXPECT_EQ(half->num_not_finite, 1);
  const std::vector<std::uint16_t> bfloats = {0x3F80, 0xC040};
  EXPECT_THAT(summarise(view_of(Dtype::bf16, bfloats), 2)->first, ElementsAre(1.0, -3.0));
}

TEST(TensorValues, NumbersThatAreNoneAreCountedApart) {
  const std::vector<float> values = {NAN, 1.0F, -INFINITY};
  const auto summary = summarise(view_of(Dtype::f32, values), 0);
  EXPECT_EQ(summary->num_not_finite, 2);
  EXPECT_EQ(summary->mean, 1.0);
  EXPECT_THAT(summary->first, IsEmpty());
}

TEST(TensorValues, StridesAreFollowed) {
  const std::vector<std::int32_t> values = {1, 2, 3, 4, 5, 6};
  TensorView view = view_of(Dtype::i32, values);
  view.shape = {3, 2};
  view.strides = {1, 3};  // the transpose of [2, 3]
  EXPECT_THAT(summarise(view, 6)->first, ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(TensorValues, EmptyTensorsAndStrangeDtypesAreNoTrouble) {
  EXPECT_EQ(summarise(view_of(Dtype::f32, std::vector<float>{}), 8)->num_not_finite, 0);
  const auto summary = summarise(view_of(Dtype::f8_e8m0, std::vector<std::uint8_t>{1}), 8);
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, ErrorCode::dtype_unsupported);
}

}  // namespace
}  // namespace hearth::engine

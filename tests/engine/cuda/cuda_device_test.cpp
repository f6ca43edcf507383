// What the host can only imitate, on a GPU: the same kernel cases, golden folders and replies.
// Without a GPU every test is skipped, which ctest counts as not run.
#include "engine/cuda/cuda_device.h"

#include <gtest/gtest.h>

#include "engine/cuda/cuda_decoder.h"
#include "tests/engine/cuda/golden_decoder.h"
#include "tests/engine/cuda/kernel_cases.h"

namespace hearth::engine::cuda {
namespace {

using testing::all_logits;
using testing::GoldenCase;
using testing::GoldenFolder;
using testing::greedy_together;
using testing::load_decoder;
using testing::load_golden;
using testing::small_options;
using testing::worst_error;

// Whether launches overlap.
class DeviceKernels : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    auto device = open_cuda_device({.overlaps_launches = GetParam()});
    if (!device) GTEST_SKIP() << device.error().detail;
    device_ = std::move(*device);
  }
  void TearDown() override {
    if (device_ == nullptr) return;
    const auto done = device_->synchronize();
    EXPECT_TRUE(done) << done.error().detail;
  }
  std::unique_ptr<Device> device_;
};

INSTANTIATE_TEST_SUITE_P(Launches, DeviceKernels, ::testing::Bool(), [](const auto& test) {
  return test.param ? "overlapping" : "one_by_one";
});

TEST_P(DeviceKernels, GemvIsTheSumInDoubles) { testing::expect_gemv_is_exact(*device_); }
TEST_P(DeviceKernels, GemvNormsItsInput) { testing::expect_fused_norm_is_exact(*device_); }
TEST_P(DeviceKernels, GemvGates) { testing::expect_gate_is_exact(*device_); }
TEST_P(DeviceKernels, MatmulIsTheSumInDoubles) { testing::expect_matmul_is_exact(*device_); }
TEST_P(DeviceKernels, AttentionIsTheSumInDoubles) { testing::expect_attention_is_exact(*device_); }
TEST_P(DeviceKernels, RopeFillsQueriesAndCache) { testing::expect_rope_is_exact(*device_); }
TEST_P(DeviceKernels, RowKernelsAreExact) { testing::expect_row_kernels_are_exact(*device_); }

TEST_P(DeviceKernels, AnAllocationThatFailsLeavesTheDeviceWorking) {
  const auto nothing = device_->allocate(std::size_t{1} << 45);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::out_of_memory);
  testing::expect_row_kernels_are_exact(*device_);
}

class DeviceGolden : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (auto device = open_cuda_device(); !device) GTEST_SKIP() << device.error().detail;
    golden_ = load_golden(GetParam());
  }
  std::unique_ptr<StepRunner> decoder(ComputeDtype dtype, bool records_steps = true) const {
    CudaDecoderOptions options = small_options(dtype);
    options.records_steps = records_steps;
    return load_decoder(golden_, std::move(*open_cuda_device()), options);
  }
  GoldenFolder golden_;
};

INSTANTIATE_TEST_SUITE_P(Folders, DeviceGolden, testing::kFolders,
                         [](const auto& test) { return testing::test_name(test.param); });

TEST_P(DeviceGolden, LogitsInFp32AreTheReferences) {
  const auto runner = decoder(ComputeDtype::fp32);
  for (const GoldenCase& c : golden_.cases) {
    EXPECT_LT(worst_error(golden_, c, all_logits(*runner, c.ids, 512)), 2e-5);
    EXPECT_LT(worst_error(golden_, c, all_logits(*runner, c.ids, 5)), 2e-5);
  }
}

// The tolerances of cuda_decoder_test.cpp.
TEST_P(DeviceGolden, LogitsInFewerBitsAreWithinTheirRounding) {
  const GoldenCase& c = golden_.cases.front();
  for (const auto& [dtype, tolerance] :
       {std::pair(ComputeDtype::bf16, 0.1), std::pair(ComputeDtype::fp16, 0.06),
        std::pair(ComputeDtype::int8, 0.25)}) {
    const auto runner = decoder(dtype);
    EXPECT_LT(worst_error(golden_, c, all_logits(*runner, c.ids, 512)), tolerance);
    EXPECT_LT(worst_error(golden_, c, all_logits(*runner, c.ids, 3)), tolerance);
  }
}

TEST_P(DeviceGolden, RepliesAreTransformersAloneTogetherAndRecorded) {
  std::vector<std::vector<TokenId>> prompts;
  std::vector<std::vector<TokenId>> expected;
  for (const GoldenCase& c : golden_.cases) {
    prompts.push_back(c.ids);
    if (!c.greedy.empty()) expected.emplace_back(c.greedy.begin(), c.greedy.begin() + 24);
  }
  const auto recorded = decoder(ComputeDtype::fp32);
  const auto launched = decoder(ComputeDtype::fp32, false);
  const auto together = greedy_together(*recorded, prompts, 24);
  EXPECT_EQ(greedy_together(*launched, prompts, 24), together);
  EXPECT_EQ(greedy_together(*recorded, {prompts[0]}, 24)[0], together[0]);
  if (!expected.empty()) EXPECT_EQ(together, expected);
}

}  // namespace
}  // namespace hearth::engine::cuda

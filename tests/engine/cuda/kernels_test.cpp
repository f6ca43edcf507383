// The kernels' bodies, run on the host in both orders of threads and blocks.
#include <gtest/gtest.h>

#include "engine/cuda/host_device.h"
#include "tests/engine/cuda/kernel_cases.h"

namespace hearth::engine::cuda {
namespace {

class HostKernels : public ::testing::TestWithParam<HostOrder> {
 protected:
  HostDevice device_{HostDevice::Options{.order = GetParam()}};
};

INSTANTIATE_TEST_SUITE_P(Orders, HostKernels,
                         ::testing::Values(HostOrder::forwards, HostOrder::backwards),
                         [](const auto& test) {
                           return test.param == HostOrder::forwards ? "forwards" : "backwards";
                         });

TEST_P(HostKernels, GemvIsTheSumInDoubles) { testing::expect_gemv_is_exact(device_); }
TEST_P(HostKernels, GemvNormsItsInput) { testing::expect_fused_norm_is_exact(device_); }
TEST_P(HostKernels, GemvGates) { testing::expect_gate_is_exact(device_); }
TEST_P(HostKernels, MatmulIsTheSumInDoubles) { testing::expect_matmul_is_exact(device_); }
TEST_P(HostKernels, AttentionIsTheSumInDoubles) { testing::expect_attention_is_exact(device_); }
TEST_P(HostKernels, RopeFillsQueriesAndCache) { testing::expect_rope_is_exact(device_); }
TEST_P(HostKernels, RowKernelsAreExact) { testing::expect_row_kernels_are_exact(device_); }

}  // namespace
}  // namespace hearth::engine::cuda

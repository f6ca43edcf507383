// Paged attention in chunks of 256 against plain softmax(q·kᵀ)·v in double precision.
#include "engine/torch/attention.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "engine/torch/torch.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kHeads = 4;
constexpr std::int64_t kKvHeads = 2;
constexpr std::int64_t kHeadDim = 8;
constexpr std::int64_t kBlock = 16;

// q, k, v of one sequence, and a cache of blocks in the given order.
class AttentionCase {
 public:
  AttentionCase(std::int64_t length, bool shuffled) : length_(length) {
    at::manual_seed(5);
    q = at::randn({length, kHeads, kHeadDim});
    k = at::randn({length, kKvHeads, kHeadDim});
    v = at::randn({length, kKvHeads, kHeadDim});
    const std::int64_t num_blocks = (length + kBlock - 1) / kBlock;
    blocks.resize(static_cast<std::size_t>(num_blocks));
    std::iota(blocks.begin(), blocks.end(), 3);
    if (shuffled) std::shuffle(blocks.begin(), blocks.end(), std::mt19937(1));
    cache = std::make_unique<KvCache>(KvShape{num_blocks + 3, kBlock, kKvHeads, kHeadDim},
                                      std::vector{at::TensorOptions(at::kFloat)});
    std::vector<std::int64_t> slots;
    for (std::int64_t t = 0; t < length; ++t) {
      slots.push_back(blocks[static_cast<std::size_t>(t / kBlock)] * kBlock + t % kBlock);
    }
    cache->write(0, at::tensor(slots, at::kLong), k, v);
  }

  at::Tensor attend_from(std::int64_t position, std::int64_t count, const AttentionParams& params) {
    return attend(q.narrow(0, position, count), *cache, 0, blocks, position, params);
  }

  at::Tensor expected(const AttentionParams& params) const {
    const auto repeated = [](const at::Tensor& x) {
      return x.to(at::kDouble).repeat_interleave(kHeads / kKvHeads, 1).transpose(0, 1);
    };
    at::Tensor scores =
        at::matmul(q.to(at::kDouble).transpose(0, 1), repeated(k).transpose(1, 2)) * params.scale;
    if (params.softcap > 0) scores = at::tanh(scores / params.softcap) * params.softcap;
    const at::Tensor query = at::arange(length_).unsqueeze(1);
    const at::Tensor key = at::arange(length_).unsqueeze(0);
    at::Tensor hidden = key > query;
    if (params.window > 0) hidden = hidden.logical_or(key <= query - params.window);
    scores = scores.masked_fill(hidden, -INFINITY);
    return at::matmul(at::softmax(scores, -1), repeated(v))
        .transpose(0, 1)
        .reshape({length_, kHeads * kHeadDim});
  }

  at::Tensor q, k, v;
  std::vector<std::int32_t> blocks;
  std::unique_ptr<KvCache> cache;

 private:
  std::int64_t length_;
};

double worst(const at::Tensor& actual, const at::Tensor& expected) {
  return (actual.to(at::kDouble) - expected).abs().max().item<double>();
}

const AttentionParams kVariants[] = {
    {0.35, 0.0, 0}, {0.35, 0.0, 1}, {0.35, 0.0, 20}, {0.35, 0.0, 300}, {0.35, 2.0, 0}};

TEST(Attention, PrefillEqualsPlainSoftmaxAcrossChunks) {
  for (const std::int64_t length : {1, 255, 256, 257, 700}) {
    for (const AttentionParams& params : kVariants) {
      AttentionCase test(length, /*shuffled=*/false);
      EXPECT_LT(worst(test.attend_from(0, length, params), test.expected(params)), 1e-5)
          << length << " tokens, window " << params.window;
    }
  }
}

TEST(Attention, DecodeAndChunkedPrefillEqualPlainSoftmaxOverShuffledBlocks) {
  for (const AttentionParams& params : kVariants) {
    AttentionCase test(600, /*shuffled=*/true);
    const at::Tensor expected = test.expected(params);
    for (const auto& [position, count] : {std::pair<std::int64_t, std::int64_t>{599, 1},
                                          {256, 1},
                                          {255, 2},
                                          {250, 300},
                                          {512, 88}}) {
      EXPECT_LT(
          worst(test.attend_from(position, count, params), expected.narrow(0, position, count)),
          1e-5)
          << "from " << position << ", window " << params.window;
    }
  }
}

TEST(Attention, BlocksSideBySideAreReadInPlace) {
  AttentionCase ordered(600, /*shuffled=*/false);
  const auto chunk = ordered.cache->read(0, ordered.blocks, 256, 512);
  const auto again = ordered.cache->read(0, ordered.blocks, 256, 512);
  EXPECT_EQ(chunk.k.data_ptr(), again.k.data_ptr());
  EXPECT_EQ(chunk.v.data_ptr(), again.v.data_ptr());
  EXPECT_TRUE(at::equal(chunk.k, ordered.k.narrow(0, 256, 256)));
}

TEST(Attention, WhatOthersLeftInABlockIsNeverRead) {
  AttentionCase test(20, /*shuffled=*/false);
  const at::Tensor expected = test.expected({0.35, 0.0, 0});
  // The rest of the last block still holds a dead sequence's values.
  const at::Tensor rest = at::arange(20, 32) + 3 * kBlock;
  const at::Tensor nan = at::full({12, kKvHeads, kHeadDim}, NAN);
  test.cache->write(0, rest, nan, nan);
  EXPECT_LT(worst(test.attend_from(0, 20, {0.35, 0.0, 0}), expected), 1e-5);
}

}  // namespace
}  // namespace hearth::engine

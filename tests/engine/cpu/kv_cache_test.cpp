// What comes back from the KV cache: every token within half a step of its own scale, in int8, and
// nothing that is not a number turned into one.
#include "engine/cpu/kv_cache.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/cpu/instruction_set.h"
#include "engine/cpu/kernels/half.h"
#include "engine/cpu/kernels/kernels.h"

namespace hearth::engine::cpu {
namespace {

constexpr std::int64_t kDim = 40;  // padded to 48
constexpr KvCache::Shape kShape = {2, 3, kDim, 4, KvDtype::int8};

struct Token {
  std::vector<float> key;
  std::vector<float> value;
};

// Tokens of very different sizes: each has a scale of its own.
std::vector<Token> some_tokens() {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<Token> tokens(kBlockTokens);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const float size = std::ldexp(1.0F, static_cast<int>(t) - 8);
    for (std::int64_t d = 0; d < kDim; ++d) {
      tokens[t].key.push_back(normal(random) * size);
      tokens[t].value.push_back(normal(random) / size);
    }
  }
  return tokens;
}

// One block of (layer 1, head 2), all tokens put in descending order.
std::vector<std::uint16_t> widened(const std::vector<Token>& tokens, const KernelTable& kernels) {
  KvCache cache = *KvCache::create(kShape);
  for (std::size_t t = tokens.size(); t-- > 0;) {
    cache.put(1, 2, 3, static_cast<std::int64_t>(t), tokens[t].key.data(), tokens[t].value.data());
  }
  const auto [values, scales] = cache.int8_block(1, 2, 3);
  std::vector<std::uint16_t> block(static_cast<std::size_t>(cache.elements()));
  kernels.widen_kv(values, scales, static_cast<int>(padded_head(kDim)), block.data());
  return block;
}

float key_of(const std::vector<std::uint16_t>& block, std::size_t token, std::size_t d) {
  return from_bf16(block[d / 2 * 2 * kBlockTokens + token * 2 + d % 2]);
}
float value_of(const std::vector<std::uint16_t>& block, std::size_t token, std::size_t d) {
  const auto width = static_cast<std::size_t>(padded_head(kDim));
  return from_bf16(block[(kBlockTokens + token) * width + d]);
}

float largest(const std::vector<float>& x) {
  float most = 0.0F;
  for (const float value : x) most = std::max(most, std::fabs(value));
  return most;
}

TEST(KvCache, Int8KeepsEachTokenWithinHalfAStepOfItsOwnScale) {
  const std::vector<Token> tokens = some_tokens();
  const std::vector<std::uint16_t> block = widened(tokens, scalar_kernels());
  constexpr float kHalfAStep = 0.5F / 127.0F;
  constexpr float kBf16 = 1.0F / 256.0F;  // widening rounds once more
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const auto& [key, value] = tokens[t];
    for (std::size_t d = 0; d < static_cast<std::size_t>(kDim); ++d) {
      const float key_bound = largest(key) * kHalfAStep * 1.001F + std::fabs(key[d]) * kBf16;
      EXPECT_NEAR(key_of(block, t, d), key[d], key_bound) << t << ' ' << d;
      const float value_bound = largest(value) * kHalfAStep * 1.001F + std::fabs(value[d]) * kBf16;
      EXPECT_NEAR(value_of(block, t, d), value[d], value_bound) << t << ' ' << d;
    }
    for (std::size_t d = kDim; d < 48; ++d) {
      EXPECT_EQ(key_of(block, t, d), 0.0F);
      EXPECT_EQ(value_of(block, t, d), 0.0F);
    }
  }
}

TEST(KvCache, EveryInstructionSetWidensToTheSameBits) {
  const std::vector<std::uint16_t> expected = widened(some_tokens(), scalar_kernels());
  for (const std::string_view name : available_kernels())
    EXPECT_EQ(widened(some_tokens(), **choose_kernels(name)), expected) << name;
}

TEST(KvCache, Int8GivesBackWhatIsNotANumberAsSuchAndLeavesTheOthersAlone) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    std::vector<Token> tokens = some_tokens();
    const std::vector<std::uint16_t> sound = widened(tokens, scalar_kernels());
    tokens[5].key[3] = bad;
    tokens[9].value[0] = bad;
    const std::vector<std::uint16_t> block = widened(tokens, scalar_kernels());
    EXPECT_TRUE(std::isnan(key_of(block, 5, 3))) << bad;
    EXPECT_TRUE(std::isnan(value_of(block, 9, 0))) << bad;
    EXPECT_EQ(key_of(block, 4, 3), key_of(sound, 4, 3));
    EXPECT_EQ(value_of(block, 5, 3), value_of(sound, 5, 3));
    EXPECT_EQ(value_of(block, 8, 0), value_of(sound, 8, 0));
  }
}

TEST(KvCache, ATokenOfZerosIsZeros) {
  std::vector<Token> tokens = some_tokens();
  tokens[0].key.assign(static_cast<std::size_t>(kDim), 0.0F);
  const std::vector<std::uint16_t> block = widened(tokens, scalar_kernels());
  for (std::size_t d = 0; d < static_cast<std::size_t>(kDim); ++d)
    EXPECT_EQ(key_of(block, 0, d), 0.0F);
}

TEST(KvCache, Int8TakesHalfTheMemoryAndTheScales) {
  KvCache::Shape bf16 = kShape;
  bf16.dtype = KvDtype::bf16;
  const std::int64_t scales = 2 * 3 * 2 * kBlockTokens * 4;
  EXPECT_EQ(KvCache::bytes_per_block(kShape), KvCache::bytes_per_block(bf16) / 2 + scales);
}

TEST(KvCache, EveryBlockHasItsOwnPlaceAndSixteenOfAHeadLieTogether) {
  const KvCache::Shape shape{2, 3, 64, 37, KvDtype::bf16};
  const auto cache = KvCache::create(shape);
  ASSERT_TRUE(cache);
  std::set<const std::uint16_t*> places;
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    for (std::int64_t head = 0; head < 3; ++head) {
      for (std::int32_t block = 0; block < 37; ++block) {
        const std::uint16_t* place = cache->bf16_block(layer, head, block);
        places.insert(place);
        if (block % 16 != 0) {
          EXPECT_EQ(place, cache->bf16_block(layer, head, block - 1) + cache->elements());
        }
      }
    }
  }
  EXPECT_EQ(places.size(), 2U * 3 * 37);
  for (auto next = places.begin(), place = next++; next != places.end(); ++place, ++next)
    EXPECT_GE(*next - *place, cache->elements());
}

}  // namespace
}  // namespace hearth::engine::cpu

#include "engine/runtime/block_hash.h"

#include <bit>
#include <random>

namespace hearth::engine {
namespace {

class SipHash128 {
 public:
  explicit SipHash128(const BlockHashKey& key)
      : v0_(key.low ^ 0x736f6d6570736575U),
        v1_(key.high ^ 0x646f72616e646f6dU ^ 0xee),
        v2_(key.low ^ 0x6c7967656e657261U),
        v3_(key.high ^ 0x7465646279746573U) {}

  void add(std::uint64_t word) {
    v3_ ^= word;
    rounds(2);
    v0_ ^= word;
    ++num_words_;
  }

  BlockHash finish() {
    add((num_words_ * 8) << 56);
    v2_ ^= 0xee;
    rounds(4);
    const std::uint64_t low = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xdd;
    rounds(4);
    return {low, v0_ ^ v1_ ^ v2_ ^ v3_};
  }

 private:
  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0_ += v1_;
      v2_ += v3_;
      v1_ = std::rotl(v1_, 13) ^ v0_;
      v3_ = std::rotl(v3_, 16) ^ v2_;
      v0_ = std::rotl(v0_, 32);
      v2_ += v1_;
      v0_ += v3_;
      v1_ = std::rotl(v1_, 17) ^ v2_;
      v3_ = std::rotl(v3_, 21) ^ v0_;
      v2_ = std::rotl(v2_, 32);
    }
  }

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t num_words_ = 0;
};

}  // namespace

BlockHashKey random_block_hash_key() {
  std::random_device device;
  const auto word = [&device] { return (std::uint64_t{device()} << 32) | device(); };
  const std::uint64_t low = word();
  return {low, word()};
}

BlockHash hash_block(const BlockHashKey& key, const BlockHash& parent, std::uint64_t salt,
                     std::span<const TokenId> ids) {
  SipHash128 hash(key);
  hash.add(parent.low);
  hash.add(parent.high);
  hash.add(salt);
  for (const TokenId id : ids) hash.add(static_cast<std::uint64_t>(id));
  return hash.finish();
}

}  // namespace hearth::engine

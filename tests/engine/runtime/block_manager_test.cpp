#include "engine/runtime/block_manager.h"

#include <deque>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/runtime/block_hash.h"

namespace hearth::engine {
namespace {

constexpr BlockHashKey kKey{1, 2};

// openssl mac -macopt hexkey:000102030405060708090a0b0c0d0e0f -macopt size:16 SIPHASH, over the
// bytes 00 01 … 17.
TEST(BlockHash, IsSipHashOfParentSaltAndIds) {
  const BlockHashKey key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  const BlockHash parent{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  const BlockHash hash = hash_block(key, parent, 0x1716151413121110U, {});
  EXPECT_EQ(hash, (BlockHash{0xd850bd78ae79b42dU, 0xad32618a178a2a88U}));
}

TEST(BlockHash, DependsOnEveryPart) {
  const std::vector<TokenId> ids{1, 2, 3, 4};
  const std::vector<TokenId> other{1, 2, 3, 5};
  const BlockHash hash = hash_block(kKey, {}, 0, ids);
  EXPECT_EQ(hash, hash_block(kKey, {}, 0, ids));
  EXPECT_NE(hash, hash_block({1, 3}, {}, 0, ids));
  EXPECT_NE(hash, hash_block(kKey, {0, 1}, 0, ids));
  EXPECT_NE(hash, hash_block(kKey, {}, 9, ids));
  EXPECT_NE(hash, hash_block(kKey, {}, 0, other));
}

class BlockManagerTest : public ::testing::Test {
 protected:
  BlockId take_named(TokenId first, const BlockHash& parent = {}) {
    const BlockId block = blocks.take();
    blocks.name(block, hash_of(first, parent), parent, ids_of(first));
    return block;
  }
  BlockId find(TokenId first, const BlockHash& parent = {}) {
    return blocks.find(hash_of(first, parent), parent, ids_of(first));
  }
  static BlockHash hash_of(TokenId first, const BlockHash& parent = {}) {
    return hash_block(kKey, parent, 0, ids_of(first));
  }
  static std::vector<TokenId> ids_of(TokenId first) { return {first, first + 1}; }

  BlockManager blocks{4, 2};
};

TEST_F(BlockManagerTest, TakenBlocksAreDistinctAndComeBack) {
  const std::vector<BlockId> held{blocks.take(), blocks.take(), blocks.take(), blocks.take()};
  EXPECT_THAT(held, ::testing::UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_EQ(blocks.num_free(), 0);
  blocks.release(held);
  EXPECT_EQ(blocks.num_free(), 4);
}

TEST_F(BlockManagerTest, AFreedBlockIsStillFound) {
  const BlockId block = take_named(10);
  blocks.release({{block}});
  EXPECT_EQ(blocks.num_free(), 4);
  EXPECT_EQ(find(10), block);
  EXPECT_EQ(blocks.num_free(), 3);
  EXPECT_EQ(blocks.references(block), 1);
}

TEST_F(BlockManagerTest, AHeldBlockIsSharedAndFreeOnlyAfterItsLastUser) {
  const BlockId block = take_named(10);
  EXPECT_EQ(find(10), block);
  blocks.release({{block}});
  EXPECT_EQ(blocks.num_free(), 3);
  blocks.release({{block}});
  EXPECT_EQ(blocks.num_free(), 4);
}

TEST_F(BlockManagerTest, BlocksWithoutANameGoFirstThenTheLeastRecentlyUsed) {
  const BlockId a = take_named(10);
  const BlockId b = take_named(20);
  const BlockId c = take_named(30);
  const BlockId nameless = blocks.take();
  blocks.release({{a}});
  blocks.release({{b}});
  blocks.release({{c}});
  blocks.release({{nameless}});
  EXPECT_EQ(find(10), a);  // used again: now the most recent
  blocks.release({{a}});
  EXPECT_EQ(blocks.take(), nameless);
  EXPECT_EQ(blocks.take(), b);
  EXPECT_EQ(find(20), -1);
  EXPECT_EQ(blocks.take(), c);
  EXPECT_EQ(blocks.take(), a);
  EXPECT_EQ(blocks.num_findable(), 0);
}

TEST_F(BlockManagerTest, OfOneSequenceTheTailGoesFirst) {
  const BlockId head = take_named(10);
  const BlockId tail = take_named(20, hash_of(10));
  const std::vector<BlockId> others{blocks.take(), blocks.take()};
  blocks.release(std::vector<BlockId>{head, tail});
  EXPECT_EQ(blocks.take(), tail);
}

TEST_F(BlockManagerTest, AHitNeedsTheIdsAndTheParentNotOnlyTheHash) {
  const BlockHash hash = hash_of(10);
  const BlockId block = take_named(10);
  EXPECT_EQ(blocks.find(hash, {}, ids_of(11)), -1);  // as if two prefixes collided
  EXPECT_EQ(blocks.find(hash, {7, 7}, ids_of(10)), -1);
  EXPECT_EQ(blocks.find(hash, {}, ids_of(10)), block);
}

TEST_F(BlockManagerTest, TheFirstOfTwoEqualBlocksKeepsTheName) {
  const BlockId first = take_named(10);
  const BlockId second = take_named(10);
  EXPECT_TRUE(blocks.is_findable(first));
  EXPECT_FALSE(blocks.is_findable(second));
  EXPECT_EQ(find(10), first);
}

}  // namespace
}  // namespace hearth::engine

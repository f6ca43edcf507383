// What only the forgetful store has: a bound in bytes for each user.
#include "server/store/memory_store.h"

#include <gtest/gtest.h>

#include "tests/server/store/store_fixture.h"

namespace hearth::server {
namespace {

using testing::ask;
using testing::numbered;
using testing::turn;

TEST(MemoryStore, AFullUserIsToldSoAndOthersAreNot) {
  testing::Loop loop;
  MemoryStore store(loop.post(), 2500);  // a turn here counts about 1050 bytes
  for (int i = 1; i <= 2; ++i) {
    ASSERT_TRUE(ask<void>(loop, [&](auto done) {
      store.create_user({numbered<UserId>(i), UserKind::guest, ""}, std::nullopt, 0, done);
    }));
  }
  const auto begin = [&](NewTurn made) {
    return ask<void>(loop, [&](auto done) { store.begin_turn(std::move(made), done); });
  };
  const UserId ada = numbered<UserId>(1);
  EXPECT_TRUE(begin(turn(ada, 1, 1)));
  EXPECT_TRUE(begin(turn(ada, 2, 2)));
  EXPECT_EQ(begin(turn(ada, 3, 3)).error().code, ErrorCode::quota_exceeded);
  EXPECT_TRUE(begin(turn(numbered<UserId>(2), 4, 4)));
  ASSERT_TRUE(
      ask<void>(loop, [&](auto done) { store.remove(ada, numbered<ConversationId>(1), {}, done); }));
  EXPECT_TRUE(begin(turn(ada, 3, 3))) << "deleting gives the room back";
}

}  // namespace
}  // namespace hearth::server

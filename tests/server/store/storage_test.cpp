// The history's file in bad times: no room, damage, and copies of it.
#include <atomic>
#include <fstream>

#include <gtest/gtest.h>

#include "server/store/integrity.h"
#include "server/store/schema.h"
#include "tests/server/store/store_fixture.h"

namespace hearth::server {
namespace {

namespace fs = std::filesystem;
using testing::ask;
using testing::ended;
using testing::Loop;
using testing::numbered;
using testing::TemporaryFolder;
using testing::turn;

class StorageTest : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open(SqliteStore::Options options = {}) {
    auto store = SqliteStore::open(folder.path(), loop.post(), std::move(options));
    EXPECT_TRUE(store) << store.error().detail;
    return std::move(*store);
  }
  void make_ada(HistoryStore& store) {
    ASSERT_TRUE(
        ask<void>(loop, [&](auto done) { store.create_user({.id = ada}, sha256("1"), 5, done); }));
  }
  Result<void> begin(HistoryStore& store, int n) {
    return ask<void>(loop, [&](auto done) { store.begin_turn(turn(ada, n, n), done); });
  }
  Result<void> finish(HistoryStore& store, int n) {
    return ask<void>(loop, [&](auto done) {
      store.finish_reply(ada, numbered<MessageId>(2 * n + 1), ended("an answer"), done);
    });
  }

  const UserId ada = numbered<UserId>(1);
  Loop loop;
  TemporaryFolder folder;
};

TEST_F(StorageTest, ADiskThatIsNearlyFullTakesNothingNewButEndsWhatWasBegun) {
  std::atomic<std::int64_t> free{1'000'000'000};
  std::atomic<int> seconds{0};
  SqliteStore::Options options;
  options.free_bytes = [&](const fs::path&) { return free.load(); };
  options.now = [&] {
    return std::chrono::steady_clock::time_point(std::chrono::hours(1) +
                                                 std::chrono::seconds(seconds.load()));
  };
  auto store = open(std::move(options));
  make_ada(*store);
  ASSERT_TRUE(begin(*store, 1));
  free = 1000;
  EXPECT_TRUE(begin(*store, 2)) << "it looks once a second";
  ++seconds;
  const Result<void> refused = begin(*store, 3);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::storage_unavailable);
  EXPECT_NE(refused.error().detail.find("nearly full"), std::string::npos);
  EXPECT_TRUE(finish(*store, 1)) << "the end of a reply has its reserve";
  free = 1'000'000'000;
  ++seconds;
  EXPECT_TRUE(begin(*store, 3)) << "and by itself it takes again";
}

TEST_F(StorageTest, AHistoryAtItsCapTakesNothingNew) {
  SqliteStore::Options options;
  options.disk.history_bytes_max = 4096;
  auto store = open(std::move(options));
  const auto made =
      ask<void>(loop, [&](auto done) { store->create_user({.id = ada}, sha256("1"), 5, done); });
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::storage_unavailable);
}

TEST_F(StorageTest, AUserAtTheirQuotaIsToldSoAndMayDelete) {
  SqliteStore::Options options;
  options.bytes_per_user = 2600;  // a turn here counts about 1040
  auto store = open(std::move(options));
  make_ada(*store);
  EXPECT_TRUE(begin(*store, 1));
  EXPECT_TRUE(begin(*store, 2));
  const auto refused = begin(*store, 3);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::quota_exceeded);
  ASSERT_TRUE(ask<void>(loop, [&](auto done) {
    store->remove(ada, numbered<ConversationId>(1), std::nullopt, done);
  }));
  EXPECT_TRUE(begin(*store, 3));
}

TEST_F(StorageTest, WhatWasDeletedMakesRoomAtOnceWhereItIsNeeded) {
  SqliteStore::Options options;
  options.bytes_per_user = 2600;
  auto store = open(std::move(options));
  make_ada(*store);
  const auto hide = [&](int n) {
    ASSERT_TRUE(ask<void>(loop, [&](auto done) {
      store->remove(ada, numbered<ConversationId>(n), std::int64_t{5}, done);
    }));
  };
  const auto restored = [&] {
    return ask<std::vector<Conversation>>(
               loop, [&](auto done) { store->restore(ada, std::nullopt, 0, done); })
        ->size();
  };
  ASSERT_TRUE(begin(*store, 1));
  hide(1);
  ASSERT_TRUE(begin(*store, 2));
  EXPECT_EQ(restored(), 1U) << "while there is room it can be undone";
  hide(1);
  ASSERT_TRUE(begin(*store, 3));
  EXPECT_EQ(restored(), 0U);
}

TEST_F(StorageTest, ADamagedFileIsRefusedInOneSentence) {
  {
    auto store = open();
    make_ada(*store);
    for (int n = 1; n <= 40; ++n) ASSERT_TRUE(begin(*store, n));
  }
  const fs::path file = folder.path() / kHistoryFile;
  {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(4096 * 2);
    bytes << std::string(4096, 'x');
  }
  const auto store = SqliteStore::open(folder.path(), loop.post());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::io_error);
}

TEST_F(StorageTest, ABackupIsMadeWhileTheServerWritesAndOpensAsAHistory) {
  auto store = open();
  make_ada(*store);
  ASSERT_TRUE(begin(*store, 1));
  TemporaryFolder elsewhere;
  const fs::path copy = elsewhere.path() / "hearth.db";
  const auto report = back_up(folder.path(), copy);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->users, 1);
  EXPECT_EQ(report->messages, 2);
  ASSERT_TRUE(begin(*store, 2)) << "the server goes on";
  EXPECT_FALSE(back_up(folder.path(), copy)) << "nothing is overwritten";
  auto restored = SqliteStore::open(elsewhere.path(), loop.post());
  ASSERT_TRUE(restored) << restored.error().detail;
  EXPECT_TRUE(ask<FoundMessage>(
      loop, [&](auto done) { (*restored)->find_message(ada, numbered<MessageId>(2), done); }));
  EXPECT_FALSE(ask<FoundMessage>(
      loop, [&](auto done) { (*restored)->find_message(ada, numbered<MessageId>(4), done); }));
}

}  // namespace
}  // namespace hearth::server

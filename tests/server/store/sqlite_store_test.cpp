// What only the file on disk can show: crashes, locks, groups, other people's files.
#include <fstream>
#include <future>
#include <new>
#include <stdexcept>

#include <gtest/gtest.h>

#include "server/store/data_dir.h"
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

class SqliteStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open(const fs::path& where) {
    return SqliteStore::open(where, loop.post()).value();
  }
  static UserId ada() { return numbered<UserId>(1); }
  void make_ada(HistoryStore& store) {
    ASSERT_TRUE(ask<void>(loop, [&](auto done) {
      store.create_user({ada(), UserKind::guest, "Ada"}, sha256("1"), 5, done);
    }));
  }
  void begin(HistoryStore& store, NewTurn made) {
    ASSERT_TRUE(ask<void>(loop, [&](auto done) { store.begin_turn(std::move(made), done); }));
  }
  Result<FoundMessage> message(HistoryStore& store, int number) {
    return ask<FoundMessage>(
        loop, [&](auto done) { store.find_message(ada(), numbered<MessageId>(number), done); });
  }
  // The files as SIGKILL would leave them at this moment: database, log, no goodbye.
  void copy_files(const fs::path& to) {
    for (const char* name : {"hearth.db", "hearth.db-wal"}) {
      if (fs::exists(folder.path() / name)) fs::copy_file(folder.path() / name, to / name);
    }
  }

  Loop loop;
  TemporaryFolder folder;
};

// P1, and "the reply is marked interrupted with its text".
TEST_F(SqliteStoreTest, AfterAKillTheAcceptedIsThereAndTheReplyIsInterruptedWithItsText) {
  auto store = open(folder.path());
  make_ada(*store);
  begin(*store, turn(ada(), 1, 1));
  begin(*store, turn(ada(), 2, 2));
  begin(*store, turn(ada(), 3, 3));
  store->checkpoint(ada(), numbered<MessageId>(3), {"half a reply", {1, 2, 3, 4}});
  ASSERT_TRUE(ask<void>(loop, [&](auto done) {
    store->finish_reply(ada(), numbered<MessageId>(5), ended("whole"), done);
  }));

  TemporaryFolder after;
  copy_files(after.path());
  auto reopened = open(after.path());
  EXPECT_EQ(reopened->num_interrupted(), 2);
  const auto streaming = message(*reopened, 3);
  EXPECT_EQ(streaming->message.status, MessageStatus::interrupted);
  EXPECT_EQ(streaming->message.content, "half a reply");
  EXPECT_EQ(streaming->message.tokens, 4);
  ASSERT_TRUE(streaming->message.end.has_value());
  EXPECT_EQ(streaming->message.end->reason, EndReason::interrupted);
  EXPECT_EQ(message(*reopened, 5)->message.content, "whole");
  EXPECT_EQ(message(*reopened, 5)->message.status, MessageStatus::done);
  EXPECT_EQ(message(*reopened, 7)->message.status, MessageStatus::interrupted);
  EXPECT_EQ(message(*reopened, 2)->message.content, "question 1");
  EXPECT_TRUE(ask<std::optional<KnownRequest>>(loop, [&](auto done) {
                reopened->find_request(ada(), "c1", done);
              })->has_value());
}

// Wherever the log was cut by a crash, what is left is a prefix of what was committed, in order,
// and the file is sound.
TEST_F(SqliteStoreTest, ALogCutAnywhereLeavesAPrefix) {
  auto store = open(folder.path());
  make_ada(*store);
  constexpr int kTurns = 12;
  for (int i = 1; i <= kTurns; ++i) begin(*store, turn(ada(), i, i));
  const auto log_size = fs::file_size(folder.path() / "hearth.db-wal");
  for (int cut = 0; cut <= 24; ++cut) {
    TemporaryFolder after;
    copy_files(after.path());
    fs::resize_file(after.path() / "hearth.db-wal",
                    log_size * static_cast<std::uintmax_t>(cut) / 24);
    auto reopened = SqliteStore::open(after.path(), loop.post());
    ASSERT_TRUE(reopened.has_value()) << reopened.error().detail;
    int num_turns = 0;
    while (num_turns < kTurns && message(**reopened, 2 * (num_turns + 1)).has_value()) ++num_turns;
    for (int i = 1; i <= kTurns; ++i) {
      EXPECT_EQ(message(**reopened, 2 * i).has_value(), i <= num_turns) << cut;
      EXPECT_EQ(message(**reopened, 2 * i + 1).has_value(), i <= num_turns)
          << "a turn is whole or not there";
    }
    if (cut == 24) {
      EXPECT_EQ(num_turns, kTurns);
    }
    reopened->reset();
    Database database(after.path() / "hearth.db", Database::Mode::read_write);
    Statement check = database.query("PRAGMA integrity_check");
    ASSERT_TRUE(check.step());
    EXPECT_EQ(check.text(0), "ok");
  }
}

TEST_F(SqliteStoreTest, EverythingIsThereAfterACleanRestart) {
  {
    auto store = open(folder.path());
    make_ada(*store);
    begin(*store, turn(ada(), 1, 1));
    store->finish_reply(ada(), numbered<MessageId>(3), ended("queued at the end"), nullptr);
  }
  auto store = open(folder.path());
  EXPECT_EQ(store->num_interrupted(), 0);
  EXPECT_EQ(message(*store, 3)->message.content, "queued at the end");
}

TEST_F(SqliteStoreTest, ASecondServerIsRefused) {
  auto first = open(folder.path());
  const auto second = SqliteStore::open(folder.path(), loop.post());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::io_error);
  EXPECT_NE(second.error().detail.find("in use by another"), std::string::npos);
  first.reset();
  EXPECT_TRUE(SqliteStore::open(folder.path(), loop.post()).has_value());
}

TEST_F(SqliteStoreTest, ConversationsArePrivateOnDisk) {
  auto store = open(folder.path() / "deep" / "data");
  const auto mode = fs::status(folder.path() / "deep" / "data" / "hearth.db").permissions();
  EXPECT_EQ(mode & fs::perms::all, fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(folder.path() / "deep" / "data").permissions() & fs::perms::all,
            fs::perms::owner_all);
}

TEST_F(SqliteStoreTest, SecretsAreNotInTheFile) {
  auto store = open(folder.path());
  ASSERT_TRUE(ask<void>(loop, [&](auto done) {
    store->create_user({ada(), UserKind::guest, "Ada"}, sha256("the secret itself"), 5, done);
  }));
  store.reset();
  std::ifstream file(folder.path() / "hearth.db", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(bytes.find("the secret itself"), std::string::npos);
}

TEST_F(SqliteStoreTest, AFileOfAnotherProgramOrANewerHearthIsRefused) {
  {
    Database database(folder.path() / "hearth.db", Database::Mode::read_write);
    database.execute("PRAGMA application_id = 7; CREATE TABLE other(x)");
  }
  EXPECT_EQ(SqliteStore::open(folder.path(), loop.post()).error().code, ErrorCode::io_error);
  TemporaryFolder newer;
  open(newer.path()).reset();
  {
    Database database(newer.path() / "hearth.db", Database::Mode::read_write);
    database.execute("PRAGMA user_version = 99");
  }
  const auto refused = SqliteStore::open(newer.path(), loop.post());
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().detail.find("newer Hearth"), std::string::npos);
  TemporaryFolder rubbish;
  std::ofstream(rubbish.path() / "hearth.db") << std::string(5000, 'x');
  EXPECT_FALSE(SqliteStore::open(rubbish.path(), loop.post()).has_value());
}

TEST_F(SqliteStoreTest, TheSyncModeIsFullAndTheJournalIsTheLog) {
  auto store = open(folder.path());
  Database database(folder.path() / "hearth.db", Database::Mode::read_only);
  Statement journal = database.query("PRAGMA journal_mode");
  ASSERT_TRUE(journal.step());
  EXPECT_EQ(journal.text(0), "wal");
  Database writer(folder.path() / "own.db", Database::Mode::read_write);
  Statement sync = writer.query("PRAGMA synchronous");
  ASSERT_TRUE(sync.step());
  EXPECT_EQ(sync.integer(0), 2);
}

TEST(NetworkFilesystem, IsToldByItsNumber) {
  EXPECT_TRUE(is_network_filesystem(0x6969));
  EXPECT_TRUE(is_network_filesystem(0xFF534D42));
  EXPECT_TRUE(is_network_filesystem(static_cast<long>(static_cast<std::int32_t>(0xFE534D42))));
  EXPECT_FALSE(is_network_filesystem(0xEF53));      // ext4
  EXPECT_FALSE(is_network_filesystem(0x01021994));  // tmpfs
}

// The writer, with jobs that the test holds in its hand.
class WriterTest : public ::testing::Test {
 protected:
  WriterTest() {
    auto database = std::make_unique<Database>(folder.path() / "w.db", Database::Mode::read_write);
    database->execute("CREATE TABLE t(x INTEGER UNIQUE)");
    writer = std::make_unique<Writer>(std::move(database), loop.post());
  }
  Job insert(std::int64_t x) {
    return {[x](Database& db) { return db.run("INSERT INTO t VALUES (?)", x) == 1; },
            [this](std::optional<Error> error) {
              outcomes.push_back(error ? std::optional(error->code) : std::nullopt);
            }};
  }
  std::int64_t count() {
    Database database(folder.path() / "w.db", Database::Mode::read_only);
    Statement row = database.query("SELECT count(*) FROM t");
    row.step();
    return row.integer(0);
  }
  void wait_for(std::size_t answers) {
    loop.run_until([&] { return outcomes.size() >= answers; });
  }

  TemporaryFolder folder;
  Loop loop;
  std::vector<std::optional<ErrorCode>> outcomes;
  std::unique_ptr<Writer> writer;
};

TEST_F(WriterTest, WhatWaitsIsCommittedTogether) {
  std::promise<void> gate;
  std::promise<void> entered;
  writer->push({[&](Database&) {
                  entered.set_value();
                  gate.get_future().wait();
                  return true;
                },
                [this](std::optional<Error>) { outcomes.push_back(std::nullopt); }});
  entered.get_future().wait();
  for (int i = 0; i < 50; ++i) writer->push(insert(i));
  gate.set_value();
  wait_for(51);
  EXPECT_EQ(writer->commits(), 2U);
  EXPECT_EQ(count(), 50);
}

TEST_F(WriterTest, OneJobsMistakeUndoesThatJobOnly) {
  std::promise<void> gate;
  writer->push({[&](Database&) {
                  gate.get_future().wait();
                  return true;
                },
                [this](std::optional<Error>) { outcomes.push_back(std::nullopt); }});
  writer->push(insert(1));
  writer->push(insert(1));  // a duplicate
  writer->push({[](Database& db) {
                  db.run("INSERT INTO t VALUES (77)");
                  return false;  // a refusal after a change
                },
                [this](std::optional<Error>) { outcomes.push_back(std::nullopt); }});
  writer->push(insert(2));
  gate.set_value();
  wait_for(5);
  EXPECT_EQ(outcomes[2], ErrorCode::conflict);
  EXPECT_EQ(outcomes[1], std::nullopt);
  EXPECT_EQ(outcomes[4], std::nullopt);
  EXPECT_EQ(count(), 2);
}

TEST_F(WriterTest, AFullDiskFailsTheWholeGroupAndThenRecovers) {
  std::promise<void> gate;
  writer->push({[&](Database& db) {
                  db.execute("PRAGMA max_page_count = 2");
                  gate.get_future().wait();
                  return true;
                },
                [this](std::optional<Error>) { outcomes.push_back(std::nullopt); }});
  writer->push({[](Database& db) {
                  db.execute(
                      "CREATE TABLE large AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + "
                      "1 FROM n LIMIT 9999) "
                      "SELECT i, randomblob(500) FROM n");
                  return true;
                },
                [this](std::optional<Error> error) {
                  outcomes.push_back(error ? std::optional(error->code) : std::nullopt);
                }});
  writer->push(insert(5));
  gate.set_value();
  wait_for(3);
  EXPECT_EQ(outcomes[1], ErrorCode::storage_unavailable);
  writer->push({[](Database& db) {
                  db.execute("PRAGMA max_page_count = 100000");
                  return true;
                },
                [this](std::optional<Error>) { outcomes.push_back(std::nullopt); }});
  wait_for(4);
  writer->push(insert(6));
  wait_for(5);
  EXPECT_EQ(outcomes[4], std::nullopt);
  EXPECT_GE(count(), 1);
}

TEST_F(WriterTest, AJobThatThrowsIsAnsweredAndItsNeighboursAreKept) {
  writer->push({[](Database& db) -> bool {
                  db.run("INSERT INTO t VALUES (77)");
                  throw std::bad_alloc();
                },
                [this](std::optional<Error> error) {
                  outcomes.push_back(error ? std::optional(error->code) : std::nullopt);
                }});
  writer->push(insert(1));
  wait_for(2);
  EXPECT_EQ(outcomes[0], ErrorCode::storage_unavailable);
  EXPECT_EQ(outcomes[1], std::nullopt);
  EXPECT_EQ(count(), 1);
}

TEST_F(WriterTest, ACompletionThatThrowsLeavesTheOthersTheirs) {
  std::promise<void> gate;
  writer->push({[&](Database&) {
                  gate.get_future().wait();
                  return true;
                },
                [this](std::optional<Error>) { outcomes.push_back(std::nullopt); }});
  writer->push({[](Database&) { return true; },
                [this](std::optional<Error>) {
                  outcomes.push_back(std::nullopt);
                  throw std::runtime_error("a handler's fault");
                }});
  writer->push(insert(1));  // in one transaction with the one before
  gate.set_value();
  EXPECT_THROW(wait_for(3), std::runtime_error);
  wait_for(3);
  EXPECT_EQ(count(), 1);
}

TEST_F(WriterTest, WhatWaitsIsWrittenBeforeItGoes) {
  for (int i = 0; i < 20; ++i) writer->push(insert(i));
  writer.reset();
  EXPECT_EQ(count(), 20);
}

}  // namespace
}  // namespace hearth::server

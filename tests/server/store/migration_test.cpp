// A history of an older server is copied, then brought up to date
// (tests/golden/history/schema1.sql).
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "server/store/integrity.h"
#include "server/store/schema.h"
#include "tests/server/store/store_fixture.h"

namespace hearth::server {
namespace {

namespace fs = std::filesystem;
using testing::ask;
using testing::Loop;
using testing::TemporaryFolder;

constexpr int kAda = 1;
constexpr int kTokens = 0x11;
constexpr int kCutOff = 0x12;

class Migration : public ::testing::Test {
 protected:
  Migration() {
    std::ifstream in(HEARTH_GOLDEN "/history/schema1.sql");
    const std::string script((std::istreambuf_iterator<char>(in)), {});
    EXPECT_FALSE(script.empty());
    Database database(file(), Database::Mode::read_write);
    database.execute(script.c_str());
  }
  fs::path file() const { return folder.path() / kHistoryFile; }
  std::unique_ptr<SqliteStore> open() {
    auto store = SqliteStore::open(folder.path(), loop.post());
    EXPECT_TRUE(store) << store.error().detail;
    return std::move(*store);
  }
  static std::int64_t number(const fs::path& from, const char* sql) {
    Database database(from, Database::Mode::read_only);
    Statement row = database.query(sql);
    return row.step() ? row.integer(0) : -1;
  }
  MessagePage load(HistoryStore& store, int conversation) {
    return *ask<MessagePage>(loop, [&](auto done) {
      store.load(ada, testing::numbered<ConversationId>(conversation), "", 1 << 20, done);
    });
  }

  const UserId ada = testing::numbered<UserId>(kAda);
  Loop loop;
  TemporaryFolder folder;
};

TEST_F(Migration, TheOldFileIsKeptAsItWasBesideTheNewOne) {
  open();
  const fs::path copy = backup_of_schema(file(), 1);
  EXPECT_EQ(number(copy, "PRAGMA user_version"), 1);
  EXPECT_EQ(number(copy, "SELECT count(*) FROM message"), 5);
  EXPECT_EQ(number(copy, "SELECT count(*) FROM pragma_table_info('user') WHERE name = 'bytes'"), 0);
  EXPECT_EQ(fs::status(copy).permissions() & (fs::perms::group_all | fs::perms::others_all),
            fs::perms::none);
  EXPECT_EQ(number(file(), "PRAGMA user_version"), kSchemaVersion);
}

TEST_F(Migration, EverythingOfTheOldHistoryIsThere) {
  const auto store = open();
  EXPECT_EQ(store->num_interrupted(), 1);
  const MessagePage tokens = load(*store, kTokens);
  EXPECT_EQ(tokens.conversation.title, "Tokens");
  EXPECT_EQ(tokens.conversation.revision, 2);
  EXPECT_EQ(tokens.conversation.system, "Be brief.");
  ASSERT_EQ(tokens.messages.size(), 2U);
  EXPECT_EQ(tokens.messages[1].content, "A piece of text.");
  EXPECT_EQ(tokens.messages[1].seed, 7U);
  EXPECT_EQ(tokens.messages[1].end->reason, EndReason::stop);
  const MessagePage cut = load(*store, kCutOff);
  EXPECT_TRUE(cut.conversation.pinned);
  EXPECT_EQ(cut.messages[1].content, "half of");
  EXPECT_EQ(cut.messages[1].status, MessageStatus::interrupted);
  const auto user = ask<std::optional<User>>(
      loop, [&](auto done) { store->find_user(sha256("ada"), 5000, done); });
  EXPECT_EQ((*user)->name, "Ada");
}

TEST_F(Migration, TheOldWordsAreFoundAndTheOldTextsAreCounted) {
  const auto store = open();
  for (const char* words : {"piece", "词元", "half"}) {
    const auto page =
        ask<SearchPage>(loop, [&](auto done) { store->search(ada, words, "", 10, done); });
    ASSERT_TRUE(page) << words;
    EXPECT_EQ(page->hits.size(), 1U) << words;
  }
  const auto theirs =
      ask<SearchPage>(loop, [&](auto done) { store->search(ada, "alone", "", 10, done); });
  EXPECT_TRUE(theirs->hits.empty()) << "it is Bo's";
  const auto usage = ask<Usage>(loop, [&](auto done) { store->usage(ada, done); });
  EXPECT_EQ(usage->messages, 4);
  EXPECT_EQ(usage->bytes, 4 * 512 + 16 + 6 + 16 + 7);
}

TEST_F(Migration, ASecondStartChangesNothing) {
  open();
  const fs::path copy = backup_of_schema(file(), 1);
  fs::remove(copy);
  open();
  EXPECT_FALSE(fs::exists(copy));
}

TEST_F(Migration, WithoutRoomForTheCopyTheOldFileStaysAsItWas) {
  fs::create_directory(backup_of_schema(file(), 1));  // what stands there is no file
  std::ofstream(backup_of_schema(file(), 1) / "x") << "x";
  const auto store = SqliteStore::open(folder.path(), loop.post());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::io_error);
  EXPECT_EQ(number(file(), "PRAGMA user_version"), 1);
  EXPECT_EQ(number(file(), "SELECT count(*) FROM message"), 5);
}

}  // namespace
}  // namespace hearth::server

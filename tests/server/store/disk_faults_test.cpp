// The disk fails at each write and each flush in turn (reliability §6.1, test 10): nothing is
// acknowledged that a later start does not find, and writing goes on by itself when there is a
// disk.
#include <atomic>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "server/store/integrity.h"
#include "server/store/schema.h"
#include "tests/server/store/failing_disk.h"
#include "tests/server/store/store_fixture.h"

namespace hearth::server {
namespace {

namespace fs = std::filesystem;
using testing::ask;
using testing::ended;
using testing::FailingDisk;
using testing::Loop;
using testing::numbered;
using testing::TemporaryFolder;
using testing::turn;

// What one server's life promised, as a person saw it.
struct Journal {
  std::set<int> accepted;               // turns
  std::map<int, std::string> finished;  // turn → the reply's text
  std::set<int> renamed, removed;       // conversations
  std::set<int> doubtful;               // an erasure was refused: it may be found done after a kill
};

std::string text_of(int n) {
  return "answer " + std::to_string(n) + " " + std::string(6000, 'w');  // more than a page
}

// A history over the failing disk, with a clock of its own.
class Server {
 public:
  explicit Server(const fs::path& folder) : folder_(folder) {
    SqliteStore::Options options;
    options.free_bytes = [](const fs::path&) { return std::int64_t{1} << 40; };
    options.now = [this] { return std::chrono::steady_clock::time_point(seconds_.load()); };
    store_ = SqliteStore::open(folder_, loop_.post(), std::move(options));
  }
  const Result<std::unique_ptr<SqliteStore>>& store() const { return store_; }
  void wait_a_second() { seconds_ = seconds_.load() + std::chrono::seconds(1); }

  Result<void> make_ada() {
    return ask<void>(
        loop_, [&](auto done) { (*store_)->create_user({.id = kAda}, sha256("1"), 5, done); });
  }
  Result<void> begin(int n) {
    return ask<void>(loop_, [&](auto done) { (*store_)->begin_turn(turn(kAda, n, n), done); });
  }
  Result<void> finish(int n) {
    return ask<void>(loop_, [&](auto done) {
      (*store_)->finish_reply(kAda, numbered<MessageId>(2 * n + 1), ended(text_of(n)), done);
    });
  }
  Result<Conversation> rename(int n) {
    return ask<Conversation>(loop_, [&](auto done) {
      (*store_)->update(kAda, numbered<ConversationId>(n), {.title = "renamed"}, done);
    });
  }
  Result<void> remove(int n) {
    return ask<void>(loop_, [&](auto done) {
      (*store_)->remove(kAda, numbered<ConversationId>(n), std::nullopt, done);
    });
  }
  Result<MessagePage> load(int n) {
    return ask<MessagePage>(loop_, [&](auto done) {
      (*store_)->load(kAda, numbered<ConversationId>(n), "", 1 << 20, done);
    });
  }

 private:
  static inline const UserId kAda = numbered<UserId>(1);
  fs::path folder_;
  std::atomic<std::chrono::steady_clock::duration> seconds_{std::chrono::hours(1)};
  Loop loop_;
  Result<std::unique_ptr<SqliteStore>> store_ = fail(ErrorCode::internal, "not opened");
};

// Every failure has the one code that tells a person to try again.
template <class T>
bool held(const Result<T>& result) {
  if (!result) {
    EXPECT_EQ(result.error().code, ErrorCode::storage_unavailable);
  }
  return result.has_value();
}

// A life: turns begun and ended, a name changed, a conversation erased. A second passes in between,
// so that a history that was read-only tries again.
void live(Server& server, Journal& journal) {
  for (int n = 1; n <= 2; ++n) {
    server.wait_a_second();
    if (held(server.begin(n))) {
      journal.accepted.insert(n);
      if (held(server.finish(n))) journal.finished[n] = text_of(n);
    }
  }
  if (journal.accepted.contains(1) && held(server.rename(1))) journal.renamed.insert(1);
  if (journal.accepted.contains(2)) {
    (held(server.remove(2)) ? journal.removed : journal.doubtful).insert(2);
  }
}

enum class End { orderly, kill };

void expect_kept(Server& server, const Journal& journal, End end = End::orderly) {
  for (const int n : journal.accepted) {
    if (end == End::kill && journal.doubtful.contains(n)) continue;
    const auto page = server.load(n);
    if (journal.removed.contains(n)) {
      EXPECT_FALSE(page) << "turn " << n << " was erased";
      continue;
    }
    ASSERT_TRUE(page) << "turn " << n << ": " << page.error().detail;
    ASSERT_EQ(page->messages.size(), 2U);
    EXPECT_EQ(page->messages[0].content, "question " + std::to_string(n));
    const auto finished = journal.finished.find(n);
    if (finished != journal.finished.end()) {
      EXPECT_EQ(page->messages[1].content, finished->second);
    }
    if (journal.renamed.contains(n)) {
      EXPECT_EQ(page->conversation.title, "renamed");
    }
  }
}

void copy_folder(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    if (entry.path().filename().string().starts_with(kHistoryFile)) {
      fs::copy_file(entry.path(), to / entry.path().filename());
    }
  }
}

class DiskFaults : public ::testing::TestWithParam<FailingDisk::Fault> {
 protected:
  FailingDisk disk;
};

TEST_P(DiskFaults, AtEachChangeOfALifeLoseNothingThatWasAcknowledged) {
  int at = 0;
  for (bool has_failed = true; has_failed; ++at) {
    SCOPED_TRACE("fails at change " + std::to_string(at));
    TemporaryFolder folder, killed;
    Journal journal;
    {
      Server server(folder.path());
      ASSERT_TRUE(server.store()) << server.store().error().detail;
      ASSERT_TRUE(server.make_ada());
      disk.fail_after(at, GetParam());
      live(server, journal);
      has_failed = disk.has_failed();
      copy_folder(folder.path(), killed.path());  // what a kill would leave behind
      disk.heal();
      server.wait_a_second();
      const auto after = server.begin(9);
      EXPECT_TRUE(after) << "it goes on by itself: " << after.error().detail;
      expect_kept(server, journal);
    }
    for (const End end : {End::orderly, End::kill}) {
      Server again(end == End::kill ? killed.path() : folder.path());
      ASSERT_TRUE(again.store()) << again.store().error().detail;
      expect_kept(again, journal, end);
    }
  }
  EXPECT_GT(at, 10) << "a life changes the disk more often";
}

TEST_P(DiskFaults, AtEachChangeOfAStartAreOneSentenceAndTheNextStartWorks) {
  bool has_failed = true;
  for (int at = 0; has_failed; ++at) {
    SCOPED_TRACE("fails at change " + std::to_string(at));
    TemporaryFolder folder;
    disk.fail_after(at, GetParam());
    {
      const Server server(folder.path());
      has_failed = disk.has_failed();
      if (!server.store()) {
        EXPECT_EQ(server.store().error().code, ErrorCode::io_error);
      }
      EXPECT_TRUE(server.store() || has_failed);
    }
    disk.heal();
    Server again(folder.path());
    ASSERT_TRUE(again.store()) << again.store().error().detail;
    EXPECT_TRUE(again.make_ada());
  }
}

TEST_P(DiskFaults, AtEachChangeOfAnUpdateLeaveTheOldHistoryToTheNextStart) {
  std::ifstream in(HEARTH_GOLDEN "/history/schema1.sql");
  const std::string script((std::istreambuf_iterator<char>(in)), {});
  ASSERT_FALSE(script.empty());
  bool has_failed = true;
  for (int at = 0; has_failed; ++at) {
    SCOPED_TRACE("fails at change " + std::to_string(at));
    TemporaryFolder folder;
    {
      Database database(folder.path() / kHistoryFile, Database::Mode::read_write);
      database.execute(script.c_str());
    }
    disk.fail_after(at, GetParam());
    {
      const Server server(folder.path());
      has_failed = disk.has_failed();
      EXPECT_TRUE(server.store() || has_failed);
    }
    disk.heal();
    const Server again(folder.path());
    ASSERT_TRUE(again.store()) << again.store().error().detail;
    Database reader(folder.path() / kHistoryFile, Database::Mode::read_only);
    Statement row = reader.query("SELECT count(*) FROM message");
    ASSERT_TRUE(row.step());
    EXPECT_EQ(row.integer(0), 5);
  }
}

std::string name_of(const ::testing::TestParamInfo<FailingDisk::Fault>& fault) {
  static const std::vector<std::string> kNames = {"Full", "Broken", "BrokenFlush", "BrokenOnce",
                                                  "WrittenHalf"};
  return kNames.at(static_cast<std::size_t>(fault.param));
}

INSTANTIATE_TEST_SUITE_P(All, DiskFaults,
                         ::testing::Values(FailingDisk::Fault::full, FailingDisk::Fault::broken,
                                           FailingDisk::Fault::broken_flush,
                                           FailingDisk::Fault::broken_once,
                                           FailingDisk::Fault::written_half),
                         name_of);

}  // namespace
}  // namespace hearth::server

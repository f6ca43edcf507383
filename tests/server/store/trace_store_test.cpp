// What a TraceStore promises (server/session/trace_store.h), asked of each.
#include "server/session/trace_store.h"

#include <gtest/gtest.h>

#include "tests/server/store/store_fixture.h"

namespace hearth::server {
namespace {

using testing::ask;
using testing::Loop;
using testing::numbered;
using testing::turn;

struct Memory {
  explicit Memory(Loop& loop)
      : store(std::make_unique<MemoryStore>(loop.post(), 1 << 20, kTraceBytesPerUser)) {}
  std::unique_ptr<HistoryStore> store;
};

struct Sqlite {
  explicit Sqlite(Loop& loop) : store(SqliteStore::open(folder.path(), loop.post()).value()) {}
  testing::TemporaryFolder folder;
  std::unique_ptr<HistoryStore> store;
};

template <class Kind>
class TraceStoreContract : public ::testing::Test {
 protected:
  TraceStoreContract() {
    for (const UserId& user : {ada, bob}) {
      EXPECT_TRUE(ask<void>(loop, [&](auto done) {
        store().create_user({user, UserKind::guest, ""}, std::nullopt, 5, done);
      }));
    }
    begin(ada, 1, 1);
  }
  HistoryStore& store() { return *kind.store; }
  void begin(UserId owner, int conversation, int n) {
    EXPECT_TRUE(ask<void>(
        loop, [&](auto done) { store().begin_turn(turn(owner, conversation, n), done); }));
  }
  static MessageId reply(int n) { return numbered<MessageId>(2 * n + 1); }
  void save(UserId owner, int n, std::vector<TraceBlob> blobs) {
    store().traces()->save_trace(owner, reply(n), std::move(blobs));
    // A write answers when those before it are done.
    static_cast<void>(
        ask<void>(loop, [&](auto done) { store().rename_user(owner, "name", done); }));
  }
  std::string load(UserId owner, int n, std::vector<std::int64_t> places) {
    const auto blobs = ask<std::vector<TraceBlob>>(loop, [&](auto done) {
      store().traces()->load_trace(owner, reply(n), std::move(places), done);
    });
    std::string shown;
    for (const TraceBlob& blob : blobs.value())
      shown += std::to_string(blob.place) + "=" + blob.data.substr(0, 8) + " ";
    return shown;
  }

  const UserId ada = numbered<UserId>(1);
  const UserId bob = numbered<UserId>(2);
  Loop loop;
  Kind kind{loop};
};

using Kinds = ::testing::Types<Memory, Sqlite>;
TYPED_TEST_SUITE(TraceStoreContract, Kinds);

TYPED_TEST(TraceStoreContract, KeepsBlobsAtTheirPlacesAndReplacesThem) {
  this->save(this->ada, 1, {{0, "head"}, {-1, "prompt"}, {2, "a"}});
  this->save(this->ada, 1, {{2, std::string("b\0c", 3)}, {4, ""}});
  EXPECT_EQ(this->load(this->ada, 1, {0, -1, 2, 3, 4}),
            "0=head -1=prompt 2=" + std::string("b\0c", 3) + " 4= ");
  EXPECT_EQ(this->load(this->ada, 1, {}), "");
}

TYPED_TEST(TraceStoreContract, KeepsNothingForAnotherOwnerOrAMessageThatIsNotThere) {
  this->save(this->bob, 1, {{0, "stolen"}});
  EXPECT_EQ(this->load(this->ada, 1, {0}), "");
  this->save(this->ada, 1, {{0, "head"}});
  EXPECT_EQ(this->load(this->bob, 1, {0}), "");
  this->save(this->ada, 9, {{0, "nobody"}});
  EXPECT_EQ(this->load(this->ada, 9, {0}), "");
}

TYPED_TEST(TraceStoreContract, DropsTheCandidatesOfTheOldestRepliesFirst) {
  this->begin(this->ada, 2, 2);
  this->begin(this->ada, 3, 3);
  this->begin(this->bob, 4, 4);
  const std::string third(kTraceBytesPerUser / 3, 'x');
  this->save(this->bob, 4, {{3, third}});
  for (const int n : {1, 2, 3}) this->save(this->ada, n, {{2, "tokens"}, {3, third}});
  EXPECT_EQ(this->load(this->ada, 1, {2, 3}), "2=tokens 3=xxxxxxxx ");
  this->save(this->ada, 3, {{5, "more"}});
  EXPECT_EQ(this->load(this->ada, 1, {2, 3}), "2=tokens ");
  EXPECT_EQ(this->load(this->ada, 2, {2, 3}), "2=tokens 3=xxxxxxxx ");
  EXPECT_EQ(this->load(this->ada, 3, {2, 3, 5}), "2=tokens 3=xxxxxxxx 5=more ");
  EXPECT_EQ(this->load(this->bob, 4, {3}), "3=xxxxxxxx ");
}

TYPED_TEST(TraceStoreContract, ReplyThatAloneIsTooLargeKeepsItsTokens) {
  this->save(this->ada, 1, {{2, "tokens"}, {3, std::string(kTraceBytesPerUser + 1, 'x')}});
  EXPECT_EQ(this->load(this->ada, 1, {2, 3}), "2=tokens ");
}

TYPED_TEST(TraceStoreContract, TracesGoWithTheirConversation) {
  this->save(this->ada, 1, {{0, "head"}, {3, "c"}});
  EXPECT_TRUE(ask<void>(this->loop, [&](auto done) {
    this->store().remove(this->ada, numbered<ConversationId>(1), std::nullopt, done);
  }));
  EXPECT_EQ(this->load(this->ada, 1, {0, 3}), "");
  this->save(this->ada, 1, {{0, "late"}});
  EXPECT_EQ(this->load(this->ada, 1, {0}), "");
}

// What cannot be dropped counts like the text: forgetful rooms stay within their bytes.
TEST(MemoryTraces, TokensCountAsTheUsersTextAndAreGivenBack) {
  Loop loop;
  MemoryStore store(loop.post(), 2500);  // a turn here counts about 1050 bytes
  const UserId ada = numbered<UserId>(1);
  const auto begin = [&](int n) {
    return ask<void>(loop, [&](auto done) { store.begin_turn(turn(ada, n, n), done); });
  };
  ASSERT_TRUE(ask<void>(loop, [&](auto done) {
    store.create_user({ada, UserKind::guest, ""}, {}, 5, done);
  }));
  ASSERT_TRUE(begin(1).has_value());
  store.save_trace(ada, numbered<MessageId>(3), {{2, std::string(1000, 'x')}, {3, "dropped"}});
  EXPECT_EQ(begin(2).error().code, ErrorCode::quota_exceeded);
  ASSERT_TRUE(ask<void>(loop, [&](auto done) {
    store.remove(ada, numbered<ConversationId>(1), std::nullopt, done);
  }));
  EXPECT_TRUE(begin(3).has_value());
  EXPECT_TRUE(begin(4).has_value());
}

}  // namespace
}  // namespace hearth::server

// What every HistoryStore promises (server/session/history_store.h), asked of each.
#include <gtest/gtest.h>

#include "tests/server/store/store_fixture.h"

namespace hearth::server {
namespace {

using testing::ask;
using testing::ended;
using testing::Loop;
using testing::numbered;
using testing::turn;

struct Memory {
  explicit Memory(Loop& loop) : store(std::make_unique<MemoryStore>(loop.post())) {}
  std::unique_ptr<HistoryStore> store;
};

struct Sqlite {
  explicit Sqlite(Loop& loop) : store(SqliteStore::open(folder.path(), loop.post()).value()) {}
  testing::TemporaryFolder folder;
  std::unique_ptr<HistoryStore> store;
};

template <class Kind>
class StoreContract : public ::testing::Test {
 protected:
  StoreContract() {
    ada = make_user(1);
    bob = make_user(2);
  }
  UserId make_user(int number) {
    const User user{numbered<UserId>(number), UserKind::guest, "user " + std::to_string(number)};
    EXPECT_TRUE(ask<void>(loop, [&](auto done) {
      store().create_user(user, sha256(std::to_string(number)), 5, done);
    }));
    return user.id;
  }
  HistoryStore& store() { return *kind.store; }
  Result<void> begin(NewTurn made) {
    return ask<void>(loop, [&](auto done) { store().begin_turn(std::move(made), done); });
  }
  Result<void> finish(UserId owner, int message, ReplyEnd end) {
    return ask<void>(loop, [&](auto done) {
      store().finish_reply(owner, numbered<MessageId>(message), std::move(end), done);
    });
  }
  Result<ConversationPath> path(UserId owner, int conversation, ParentRef parent = {}) {
    return ask<ConversationPath>(loop, [&](auto done) {
      store().load_path(owner, numbered<ConversationId>(conversation), parent,
                        std::size_t{1} << 20U, done);
    });
  }
  Result<MessagePage> load(UserId owner, int conversation, std::string cursor = "",
                           std::size_t bytes_max = 1 << 20) {
    return ask<MessagePage>(loop, [&](auto done) {
      store().load(owner, numbered<ConversationId>(conversation), cursor, bytes_max, done);
    });
  }
  Result<ConversationPage> list(UserId owner, std::string cursor = "", int limit = 50) {
    return ask<ConversationPage>(loop,
                                 [&](auto done) { store().list(owner, cursor, limit, done); });
  }
  Result<FoundMessage> message(UserId owner, int number) {
    return ask<FoundMessage>(
        loop, [&](auto done) { store().find_message(owner, numbered<MessageId>(number), done); });
  }
  Result<std::optional<KnownRequest>> request(UserId owner, std::string id) {
    return ask<std::optional<KnownRequest>>(
        loop, [&](auto done) { store().find_request(owner, id, done); });
  }
  Result<std::int64_t> rename(UserId owner, int conversation,
                              std::optional<std::int64_t> revision) {
    return update(owner, conversation, {.title = "renamed", .revision = revision})
        .map([](const Conversation& row) { return row.revision; });
  }
  Result<Conversation> update(UserId owner, int conversation, ConversationChange change) {
    return ask<Conversation>(loop, [&](auto done) {
      store().update(owner, numbered<ConversationId>(conversation), std::move(change), done);
    });
  }

  Loop loop;
  Kind kind{loop};
  UserId ada;
  UserId bob;
};

using Kinds = ::testing::Types<Memory, Sqlite>;
TYPED_TEST_SUITE(StoreContract, Kinds);

TYPED_TEST(StoreContract, UsersAreFoundByTheirCredential) {
  const auto found = ask<std::optional<User>>(
      this->loop, [&](auto done) { this->store().find_user(sha256("1"), 5, done); });
  ASSERT_TRUE(found.has_value());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->id, this->ada);
  EXPECT_EQ((*found)->name, "user 1");
  const auto nobody = ask<std::optional<User>>(
      this->loop, [&](auto done) { this->store().find_user(sha256("9"), 5, done); });
  EXPECT_FALSE(nobody->has_value());
}

TYPED_TEST(StoreContract, AUserMayBeRenamedAndMadeTwice) {
  EXPECT_TRUE(
      ask<void>(this->loop, [&](auto done) { this->store().rename_user(this->ada, "Ada", done); }));
  EXPECT_TRUE(ask<void>(this->loop, [&](auto done) {
    this->store().create_user(User{this->ada, UserKind::guest, "again"}, std::nullopt, 9, done);
  }));
  const auto found = ask<std::optional<User>>(
      this->loop, [&](auto done) { this->store().find_user(sha256("1"), 5, done); });
  EXPECT_EQ((*found)->name, "Ada");
  EXPECT_EQ(
      ask<void>(this->loop,
                [&](auto done) { this->store().rename_user(numbered<UserId>(77), "x", done); })
          .error()
          .code,
      ErrorCode::not_found);
}

TYPED_TEST(StoreContract, ATurnComesBackAsItWasWritten) {
  const NewTurn written = turn(this->ada, 1, 1);
  ASSERT_TRUE(this->begin(written));
  const auto page = this->load(this->ada, 1);
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->conversation.title, "title 1");
  EXPECT_EQ(page->conversation.head, written.reply.id);
  ASSERT_EQ(page->messages.size(), 2U);
  EXPECT_EQ(page->messages[0].content, "question 1");
  EXPECT_EQ(page->messages[0].role, Role::user);
  EXPECT_EQ(page->messages[0].parent, std::nullopt);
  const Message& reply = page->messages[1];
  EXPECT_EQ(reply.id, written.reply.id);
  EXPECT_EQ(reply.parent, written.user_message->id);
  EXPECT_EQ(reply.status, MessageStatus::queued);
  EXPECT_EQ(reply.seed, written.reply.seed);
  EXPECT_EQ(reply.model, "m");
  EXPECT_EQ(reply.fingerprint, "fp");
  EXPECT_EQ(reply.params_json, written.reply.params_json);
  EXPECT_EQ(reply.dropped, written.reply.dropped);
  EXPECT_FALSE(reply.end.has_value());
}

TYPED_TEST(StoreContract, ACheckpointAndAnEndAreKept) {
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 1)));
  this->store().checkpoint(this->ada, numbered<MessageId>(3), {"half", {7, 8}});
  ASSERT_TRUE(this->finish(this->bob, 3, ended("x")).error().code == ErrorCode::not_found);
  auto found = this->message(this->ada, 3);
  EXPECT_EQ(found->message.status, MessageStatus::streaming);
  EXPECT_EQ(found->message.content, "half");
  EXPECT_EQ(found->message.tokens, 2);
  ReplyEnd end = ended(std::string("whole\0text", 10), EndReason::failed);
  end.error_code = ErrorCode::out_of_memory;
  end.error = "No room.";
  ASSERT_TRUE(this->finish(this->ada, 3, end));
  found = this->message(this->ada, 3);
  EXPECT_EQ(found->message.content, std::string("whole\0text", 10));
  EXPECT_EQ(found->message.status, MessageStatus::done);
  ASSERT_TRUE(found->message.end.has_value());
  EXPECT_EQ(found->message.end->reason, EndReason::failed);
  EXPECT_EQ(found->message.end->error_code, ErrorCode::out_of_memory);
  EXPECT_EQ(found->message.end->error, "No room.");
  EXPECT_EQ(found->message.end->prompt_tokens, 11);
  EXPECT_EQ(found->message.end->cached_tokens, 5);
  EXPECT_EQ(found->message.end->decode_ms, 3.5);
  this->store().checkpoint(this->ada, numbered<MessageId>(3), {"too late", {7}});
  EXPECT_EQ(this->message(this->ada, 3)->message.status, MessageStatus::done);
}

TYPED_TEST(StoreContract, PathsFollowParents) {
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 1)));
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 2, numbered<MessageId>(3))));
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 3, numbered<MessageId>(3))));  // a branch
  const auto ids = [](const Result<ConversationPath>& path) {
    std::vector<MessageId> list;
    for (const Message& one : path->messages) list.push_back(one.id);
    return list;
  };
  const auto n = [](int number) { return numbered<MessageId>(number); };
  EXPECT_EQ(ids(this->path(this->ada, 1)), (std::vector{n(2), n(3), n(6), n(7)}));
  EXPECT_EQ(ids(this->path(this->ada, 1, {ParentRef::Kind::message, n(5)})),
            (std::vector{n(2), n(3), n(4), n(5)}));
  EXPECT_TRUE(ids(this->path(this->ada, 1, {ParentRef::Kind::root, {}})).empty());
  EXPECT_EQ(this->path(this->ada, 1, {ParentRef::Kind::message, n(99)}).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(this->path(this->ada, 9).error().code, ErrorCode::not_found);
}

TYPED_TEST(StoreContract, ATurnNeedsItsConversationAndItsParentThere) {
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 1)));
  ASSERT_TRUE(this->begin(turn(this->ada, 2, 2)));
  EXPECT_EQ(this->begin(turn(this->ada, 9, 3, numbered<MessageId>(3))).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(this->begin(turn(this->ada, 2, 4, numbered<MessageId>(3))).error().code,
            ErrorCode::not_found);
  const auto page = this->load(this->ada, 2);
  EXPECT_EQ(page->messages.size(), 2U);
  EXPECT_EQ(page->conversation.head, numbered<MessageId>(5)) << "a refused turn changes nothing";
}

TYPED_TEST(StoreContract, AClientIdIsTakenOnceAndRememberedUntilItIsPurged) {
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 1)));
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 2, numbered<MessageId>(3))));
  NewTurn again = turn(this->ada, 1, 5, numbered<MessageId>(3));
  again.client_id = "c1";
  EXPECT_EQ(this->begin(again).error().code, ErrorCode::conflict);
  const auto known = this->request(this->ada, "c2");
  ASSERT_TRUE(known->has_value());
  EXPECT_EQ((*known)->body_hash, sha256("body 2"));
  EXPECT_EQ((*known)->reply.id, numbered<MessageId>(5));
  EXPECT_EQ((*known)->grandparent, numbered<MessageId>(3));
  EXPECT_EQ((*known)->conversation.id, numbered<ConversationId>(1));
  EXPECT_FALSE(this->request(this->bob, "c2")->has_value());
  this->store().purge({.requests_ms = 1002});
  ASSERT_TRUE(this->begin(turn(this->ada, 3, 8)));  // ordered behind the purge
  EXPECT_FALSE(this->request(this->ada, "c1")->has_value());
  EXPECT_TRUE(this->request(this->ada, "c2")->has_value());
}

TYPED_TEST(StoreContract, TwoUsersMayUseTheSameClientId) {
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 1)));
  NewTurn bobs = turn(this->bob, 2, 2);
  bobs.client_id = "c1";
  EXPECT_TRUE(this->begin(bobs));
}

TYPED_TEST(StoreContract, RegeneratingAddsASiblingAndMovesTheHead) {
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 1)));
  NewTurn again = turn(this->ada, 1, 2, numbered<MessageId>(3));
  again.user_message.reset();
  again.reply.parent = numbered<MessageId>(2);
  again.system = "Be kind.";
  again.params_json = "{}";
  ASSERT_TRUE(this->begin(again));
  const auto page = this->load(this->ada, 1);
  ASSERT_EQ(page->messages.size(), 3U);
  EXPECT_EQ(page->messages[2].parent, numbered<MessageId>(2));
  EXPECT_EQ(page->conversation.head, numbered<MessageId>(5));
  EXPECT_EQ(page->conversation.system, "Be kind.");
  EXPECT_EQ(page->conversation.params_json, "{}");
  EXPECT_EQ(page->conversation.revision, 0) << "appending never steps the revision";
}

TYPED_TEST(StoreContract, ListsAreNewestFirstAndPaged) {
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(this->begin(turn(this->ada, i, i)));
  std::vector<std::string> titles;
  std::string cursor;
  int num_pages = 0;
  do {
    const auto page = this->list(this->ada, cursor, 2);
    ASSERT_TRUE(page.has_value());
    for (const Conversation& row : page->conversations) titles.push_back(row.title);
    cursor = page->next;
    ++num_pages;
  } while (!cursor.empty());
  EXPECT_EQ(titles,
            (std::vector<std::string>{"title 5", "title 4", "title 3", "title 2", "title 1"}));
  EXPECT_EQ(num_pages, 3);
}

TYPED_TEST(StoreContract, BadCursorsAreInvalidParameters) {
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 1)));
  for (const char* cursor : {"x", "0123", "0000000000000000.zz", "-1", "99999999999999999999999"}) {
    EXPECT_EQ(this->list(this->ada, cursor).error().code, ErrorCode::invalid_parameter) << cursor;
    if (std::string(cursor) != "0123") {
      EXPECT_EQ(this->load(this->ada, 1, cursor).error().code, ErrorCode::invalid_parameter)
          << cursor;
    }
  }
}

TYPED_TEST(StoreContract, MessagesComeInPagesThatMakeProgress) {
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 1)));
  for (int i = 2; i <= 4; ++i)
    ASSERT_TRUE(this->begin(turn(this->ada, 1, i, numbered<MessageId>(2 * i - 1))));
  std::vector<MessageId> seen;
  std::string cursor;
  do {
    const auto page = this->load(this->ada, 1, cursor, 1);  // smaller than any message
    ASSERT_EQ(page->messages.size(), 1U);
    seen.push_back(page->messages[0].id);
    cursor = page->next;
  } while (!cursor.empty());
  EXPECT_EQ(seen.size(), 8U);
}

TYPED_TEST(StoreContract, RenamingChecksTheRevision) {
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 1)));
  EXPECT_EQ(this->rename(this->ada, 1, 0).value(), 1);
  EXPECT_EQ(this->rename(this->ada, 1, 0).error().code, ErrorCode::conflict);
  EXPECT_EQ(this->rename(this->ada, 1, std::nullopt).value(), 2);
  EXPECT_EQ(this->load(this->ada, 1)->conversation.title, "renamed");
}

TYPED_TEST(StoreContract, DeletingTakesMessagesAndRequestsAlong) {
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 1)));
  ASSERT_TRUE(this->begin(turn(this->ada, 2, 2)));
  EXPECT_TRUE(ask<void>(this->loop, [&](auto done) {
    this->store().remove(this->ada, numbered<ConversationId>(1), {}, done);
  }));
  EXPECT_EQ(this->message(this->ada, 3).error().code, ErrorCode::not_found);
  EXPECT_FALSE(this->request(this->ada, "c1")->has_value());
  EXPECT_EQ(this->finish(this->ada, 3, ended("late")).error().code, ErrorCode::not_found);
  EXPECT_EQ(
      ask<std::int64_t>(this->loop, [&](auto done) { this->store().clear(this->ada, {}, done); })
          .value(),
      1);
  EXPECT_TRUE(this->list(this->ada)->conversations.empty());
}

// nothing of another's is reachable by any call, and the answer is that of an unknown id.
TYPED_TEST(StoreContract, ForeignRowsAreUnreachable) {
  ASSERT_TRUE(this->begin(turn(this->ada, 1, 1)));
  EXPECT_EQ(this->path(this->bob, 1).error().code, ErrorCode::not_found);
  EXPECT_EQ(this->load(this->bob, 1).error().code, ErrorCode::not_found);
  EXPECT_EQ(this->message(this->bob, 3).error().code, ErrorCode::not_found);
  EXPECT_EQ(this->rename(this->bob, 1, std::nullopt).error().code, ErrorCode::not_found);
  EXPECT_EQ(ask<void>(this->loop,
                      [&](auto done) {
                        this->store().remove(this->bob, numbered<ConversationId>(1), {}, done);
                      })
                .error()
                .code,
            ErrorCode::not_found);
  EXPECT_EQ(
      ask<std::int64_t>(this->loop, [&](auto done) { this->store().clear(this->bob, {}, done); })
          .value(),
      0);
  EXPECT_TRUE(this->list(this->bob)->conversations.empty());
  EXPECT_EQ(this->begin(turn(this->bob, 1, 5, numbered<MessageId>(3))).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(this->finish(this->bob, 3, ended("x")).error().code, ErrorCode::not_found);
  this->store().checkpoint(this->bob, numbered<MessageId>(3), {"x", {7}});
  EXPECT_EQ(this->message(this->ada, 3)->message.content, "");
  EXPECT_EQ(this->load(this->ada, 1)->conversation.title, "title 1");
}

}  // namespace
}  // namespace hearth::server

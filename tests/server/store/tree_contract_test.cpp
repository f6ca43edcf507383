// What both stores promise of the tree, of undo, search, keys and import.
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
class TreeContract : public ::testing::Test {
 protected:
  TreeContract() {
    for (const int number : {1, 2}) {
      const User user{.id = numbered<UserId>(number)};
      EXPECT_TRUE(ask<void>(loop, [&](auto done) {
        store().create_user(user, sha256(std::to_string(number)), 5, done);
      }));
    }
  }
  HistoryStore& store() { return *kind.store; }

  // Conversation n: question and answer, messages 2n and 2n + 1.
  void talk(UserId owner, int n, const std::string& answer, EndReason reason = EndReason::stop) {
    ASSERT_TRUE(ask<void>(loop, [&](auto done) { store().begin_turn(turn(owner, n, n), done); }));
    ReplyEnd end = ended(answer, reason);
    end.ids = {1, 2, 3, 4, 5, 6, 7};
    ASSERT_TRUE(ask<void>(loop, [&](auto done) {
      store().finish_reply(owner, numbered<MessageId>(2 * n + 1), end, done);
    }));
  }
  Result<Conversation> update(UserId owner, int n, ConversationChange change) {
    return ask<Conversation>(
        loop, [&](auto done) { store().update(owner, numbered<ConversationId>(n), change, done); });
  }
  Result<std::int64_t> edit(UserId owner, int n, int message,
                            std::optional<std::int64_t> revision = {}) {
    return ask<std::int64_t>(loop, [&](auto done) {
      store().edit(owner, numbered<ConversationId>(n), numbered<MessageId>(message), "better words",
                   revision, done);
    });
  }
  Result<void> head(UserId owner, int n, int message) {
    return ask<void>(loop, [&](auto done) {
      store().set_head(owner, numbered<ConversationId>(n), numbered<MessageId>(message), done);
    });
  }
  Result<void> remove(UserId owner, int n, HistoryStore::Hide hide) {
    return ask<void>(
        loop, [&](auto done) { store().remove(owner, numbered<ConversationId>(n), hide, done); });
  }
  Result<std::vector<Conversation>> restore(UserId owner, std::optional<int> n,
                                            std::int64_t since = 0) {
    std::optional<ConversationId> id;
    if (n) id = numbered<ConversationId>(*n);
    return ask<std::vector<Conversation>>(
        loop, [&](auto done) { store().restore(owner, id, since, done); });
  }
  Result<FoundMessage> message(UserId owner, int number) {
    return ask<FoundMessage>(
        loop, [&](auto done) { store().find_message(owner, numbered<MessageId>(number), done); });
  }
  Result<std::vector<TokenId>> ids(UserId owner, int number) {
    return ask<std::vector<TokenId>>(
        loop, [&](auto done) { store().reply_ids(owner, numbered<MessageId>(number), done); });
  }
  std::vector<int> list(UserId owner, int limit = 50) {
    std::vector<int> order;
    std::string cursor;
    do {
      const auto page =
          ask<ConversationPage>(loop, [&](auto done) { store().list(owner, cursor, limit, done); });
      for (const Conversation& row : page->conversations) order.push_back(row.id.bytes[15]);
      cursor = page->next;
    } while (!cursor.empty());
    return order;
  }
  Result<SearchPage> search(UserId owner, const std::string& query, std::string cursor = "",
                            int limit = 50) {
    return ask<SearchPage>(loop,
                           [&](auto done) { store().search(owner, query, cursor, limit, done); });
  }
  std::size_t hits(UserId owner, const std::string& query) {
    return search(owner, query)->hits.size();
  }
  Result<std::optional<User>> who(const std::string& secret, std::int64_t now = 10) {
    return ask<std::optional<User>>(
        loop, [&](auto done) { store().find_user(sha256(secret), now, done); });
  }
  Result<void> give(UserId owner, Credential credential) {
    return ask<void>(loop, [&](auto done) { store().add_credential(owner, credential, done); });
  }

  Loop loop;
  Kind kind{loop};
  UserId ada = numbered<UserId>(1);
  UserId bob = numbered<UserId>(2);
};

using Kinds = ::testing::Types<Memory, Sqlite>;
TYPED_TEST_SUITE(TreeContract, Kinds);

TYPED_TEST(TreeContract, UpdateSetsWhatIsGivenAndRaisesTheRevision) {
  this->talk(this->ada, 1, "x");
  const auto first = this->update(this->ada, 1, {.pinned = true, .system = "be kind"});
  EXPECT_EQ(first->revision, 1);
  EXPECT_TRUE(first->pinned);
  EXPECT_EQ(first->title, "title 1");
  const auto second = this->update(this->ada, 1, {.title = "new", .revision = 1});
  EXPECT_EQ(second->title, "new");
  EXPECT_EQ(second->system, "be kind");
  EXPECT_EQ(this->update(this->ada, 1, {.title = "stale", .revision = 1}).error().code,
            ErrorCode::conflict);
  EXPECT_EQ(this->update(this->bob, 1, {.title = "his"}).error().code, ErrorCode::not_found);
}

TYPED_TEST(TreeContract, PinnedConversationsComeFirstInEveryPaging) {
  for (const int n : {1, 2, 3, 4, 5}) this->talk(this->ada, n, "x");
  ASSERT_TRUE(this->update(this->ada, 2, {.pinned = true}));
  ASSERT_TRUE(this->update(this->ada, 4, {.pinned = true}));
  for (const int limit : {1, 2, 3, 50}) {
    EXPECT_EQ(this->list(this->ada, limit), (std::vector<int>{4, 2, 5, 3, 1})) << limit;
  }
}

TYPED_TEST(TreeContract, AnEditedReplyHasNewWordsAndNoTokens) {
  this->talk(this->ada, 1, "old words", EndReason::cancelled);
  EXPECT_EQ(this->ids(this->ada, 3)->size(), 7U);
  EXPECT_EQ(this->edit(this->ada, 1, 3, 0).value(), 1);
  const auto row = this->message(this->ada, 3)->message;
  EXPECT_EQ(row.content, "better words");
  EXPECT_TRUE(row.edited);
  EXPECT_EQ(row.tokens, 0);
  EXPECT_EQ(row.end->reason, EndReason::stop);
  EXPECT_TRUE(this->ids(this->ada, 3)->empty());
  EXPECT_EQ(this->edit(this->ada, 1, 3, 0).error().code, ErrorCode::conflict);
  EXPECT_EQ(this->edit(this->ada, 1, 99).error().code, ErrorCode::not_found);
  EXPECT_EQ(this->edit(this->bob, 1, 3).error().code, ErrorCode::not_found);
  EXPECT_TRUE(this->edit(this->ada, 1, 2));
  EXPECT_FALSE(this->message(this->ada, 2)->message.end.has_value());
}

TYPED_TEST(TreeContract, ALiveReplyCannotBeEditedNorWrittenOn) {
  ASSERT_TRUE(ask<void>(this->loop,
                        [&](auto done) { this->store().begin_turn(turn(this->ada, 1, 1), done); }));
  EXPECT_EQ(this->edit(this->ada, 1, 3).error().code, ErrorCode::conflict);
  NewTurn again = turn(this->ada, 1, 1, numbered<MessageId>(1));
  again.user_message.reset();
  again.reply.parent = numbered<MessageId>(2);
  again.client_id = "again";
  again.continues = true;
  EXPECT_EQ(
      ask<void>(this->loop, [&](auto done) { this->store().begin_turn(again, done); }).error().code,
      ErrorCode::conflict);
}

TYPED_TEST(TreeContract, AReplyIsWrittenOnInItsOwnRow) {
  this->talk(this->ada, 1, "half", EndReason::length);
  NewTurn more = turn(this->ada, 1, 1);
  more.new_conversation.reset();
  more.user_message.reset();
  more.reply.parent = numbered<MessageId>(2);
  more.client_id = "more";
  more.continues = true;
  ASSERT_TRUE(ask<void>(this->loop, [&](auto done) { this->store().begin_turn(more, done); }));
  const auto row = this->message(this->ada, 3)->message;
  EXPECT_EQ(row.status, MessageStatus::queued);
  EXPECT_EQ(row.content, "half");
  EXPECT_FALSE(row.end.has_value());
  EXPECT_EQ(this->ids(this->ada, 3)->size(), 7U);
  const auto page = ask<MessagePage>(this->loop, [&](auto done) {
    this->store().load(this->ada, numbered<ConversationId>(1), "", 1 << 20, done);
  });
  EXPECT_EQ(page->messages.size(), 2U);
  EXPECT_EQ(page->conversation.head, numbered<MessageId>(3));
}

TYPED_TEST(TreeContract, TheHeadIsAnyMessageOfTheConversationAndNoOther) {
  this->talk(this->ada, 1, "x");
  this->talk(this->ada, 2, "y");
  EXPECT_TRUE(this->head(this->ada, 1, 2));
  EXPECT_EQ(this->head(this->ada, 1, 5).error().code, ErrorCode::not_found);
  EXPECT_EQ(this->head(this->bob, 1, 2).error().code, ErrorCode::not_found);
}

TYPED_TEST(TreeContract, WhatIsHiddenIsNowhereUntilItIsRestored) {
  this->talk(this->ada, 1, "needle");
  ASSERT_TRUE(this->remove(this->ada, 1, 1000));
  EXPECT_EQ(this->list(this->ada), std::vector<int>{});
  EXPECT_EQ(this->message(this->ada, 3).error().code, ErrorCode::not_found);
  EXPECT_EQ(this->hits(this->ada, "needle"), 0U);
  EXPECT_EQ(this->update(this->ada, 1, {.title = "x"}).error().code, ErrorCode::not_found);
  EXPECT_EQ(this->remove(this->ada, 1, 1001).error().code, ErrorCode::not_found);
  EXPECT_EQ(this->restore(this->ada, 1, 1001).error().code, ErrorCode::not_found);  // too late
  EXPECT_EQ(this->restore(this->bob, 1).error().code, ErrorCode::not_found);
  EXPECT_EQ(this->restore(this->ada, 1, 1000)->size(), 1U);
  EXPECT_EQ(this->message(this->ada, 3)->message.content, "needle");
  EXPECT_EQ(this->hits(this->ada, "needle"), 1U);
}

TYPED_TEST(TreeContract, PurgeErasesWhatWasHiddenBefore) {
  for (const int n : {1, 2}) {
    this->talk(this->ada, n, "x");
    ASSERT_TRUE(this->remove(this->ada, n, 1000 + n));
  }
  this->store().purge({.hidden_ms = 1002});
  const auto restored = this->restore(this->ada, std::nullopt);
  ASSERT_EQ(restored->size(), 1U);
  EXPECT_EQ(restored->front().id, numbered<ConversationId>(2));
}

TYPED_TEST(TreeContract, ClearHidesAllAndRestoreBringsAllBack) {
  for (const int n : {1, 2, 3}) this->talk(this->ada, n, "x");
  EXPECT_EQ(
      ask<std::int64_t>(this->loop, [&](auto done) { this->store().clear(this->ada, 1000, done); })
          .value(),
      3);
  EXPECT_EQ(this->list(this->ada), std::vector<int>{});
  EXPECT_EQ(this->restore(this->ada, std::nullopt)->size(), 3U);
  EXPECT_EQ(this->list(this->ada).size(), 3U);
}

TYPED_TEST(TreeContract, SearchFindsTitlesThenMessagesOfThisUserOnly) {
  this->talk(this->ada, 1, "An apple, a crème brûlée and 词元。");
  this->talk(this->ada, 2, "Apples only");
  this->talk(this->bob, 3, "apple of another");
  ASSERT_TRUE(this->update(this->ada, 2, {.title = "The apple"}));
  const auto page = this->search(this->ada, "appl");
  ASSERT_EQ(page->hits.size(), 3U);
  EXPECT_FALSE(page->hits[0].message.has_value());
  EXPECT_EQ(page->hits[0].conversation.title, "The apple");
  EXPECT_EQ(this->hits(this->ada, "another"), 0U);
  EXPECT_EQ(this->hits(this->ada, "creme"), 1U);
  EXPECT_EQ(this->hits(this->ada, "词元"), 1U);
  EXPECT_EQ(this->hits(this->ada, "元词"), 0U);
  EXPECT_EQ(this->hits(this->ada, "question apple"), 0U);  // not in one message
  EXPECT_EQ(this->search(this->ada, "?!").error().code, ErrorCode::invalid_parameter);
}

TYPED_TEST(TreeContract, SearchGoesInPagesAndEndsThem) {
  for (int n = 1; n <= 5; ++n) this->talk(this->ada, n, "needle");
  std::size_t found = 0;
  std::string cursor;
  do {
    const auto page = this->search(this->ada, "needle", cursor, 2);
    found += page->hits.size();
    cursor = page->next;
  } while (!cursor.empty());
  EXPECT_EQ(found, 5U);
  EXPECT_EQ(this->search(this->ada, "needle", "x").error().code, ErrorCode::invalid_parameter);
}

TYPED_TEST(TreeContract, SearchFollowsEditsAndErasure) {
  this->talk(this->ada, 1, "needle");
  ASSERT_TRUE(this->edit(this->ada, 1, 3));
  EXPECT_EQ(this->hits(this->ada, "needle"), 0U);
  EXPECT_EQ(this->hits(this->ada, "better words"), 1U);
  ASSERT_TRUE(this->remove(this->ada, 1, std::nullopt));
  EXPECT_EQ(this->hits(this->ada, "better"), 0U);
}

TYPED_TEST(TreeContract, AKeyOpensWithItsScopeUntilItExpiresOrIsRemoved) {
  Credential key{.hash = sha256("hk-1"),
                 .kind = CredentialKind::key,
                 .label = "laptop",
                 .scopes = "read",
                 .created_ms = 7,
                 .expires_ms = 100};
  ASSERT_TRUE(this->give(this->ada, key));
  const auto user = this->who("hk-1", 99);
  ASSERT_TRUE(user->has_value());
  EXPECT_EQ((*user)->id, this->ada);
  EXPECT_EQ((*user)->scope, Scope::read);
  EXPECT_EQ((*user)->credential, key.hash);
  EXPECT_FALSE(this->who("hk-1", 100)->has_value());
  const auto keys = ask<std::vector<Credential>>(
      this->loop, [&](auto done) { this->store().list_keys(this->ada, done); });
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->front().label, "laptop");
  EXPECT_EQ(keys->front().expires_ms, 100);
  const auto remove = [&](UserId owner) {
    return ask<void>(this->loop,
                     [&](auto done) { this->store().remove_credential(owner, key.hash, done); });
  };
  EXPECT_EQ(remove(this->bob).error().code, ErrorCode::not_found);
  EXPECT_TRUE(remove(this->ada));
  EXPECT_FALSE(this->who("hk-1", 50)->has_value());
  EXPECT_EQ(this->who("1")->value().scope, Scope::owner);
}

TYPED_TEST(TreeContract, AllAccessOfOneUserIsRemovedButTheirPhrase) {
  const auto give = [&](UserId owner, const char* secret, CredentialKind what) {
    return this->give(owner, {.hash = sha256(secret), .kind = what, .scopes = "owner"});
  };
  ASSERT_TRUE(give(this->ada, "cookie", CredentialKind::cookie));
  ASSERT_TRUE(give(this->ada, "key", CredentialKind::key));
  ASSERT_TRUE(give(this->ada, "phrase", CredentialKind::recovery));
  ASSERT_TRUE(give(this->bob, "bobs", CredentialKind::cookie));
  const auto remove = [&](UserId owner) {
    return ask<void>(this->loop, [&](auto done) { this->store().remove_access(owner, done); });
  };
  EXPECT_TRUE(remove(this->ada));
  EXPECT_FALSE(this->who("cookie", 1)->has_value());
  EXPECT_FALSE(this->who("key", 1)->has_value());
  EXPECT_TRUE(this->who("phrase", 1)->has_value());
  EXPECT_TRUE(this->who("bobs", 1)->has_value());
  EXPECT_TRUE(remove(this->ada)) << "who has none keeps none";
  EXPECT_EQ(remove(UserId{}).error().code, ErrorCode::not_found);
}

TYPED_TEST(TreeContract, SixteenKeysAndOneMoreIsRefused) {
  for (int i = 0; i < HistoryStore::kKeysMax; ++i) {
    ASSERT_TRUE(this->give(this->ada,
                           {.hash = sha256("k" + std::to_string(i)), .kind = CredentialKind::key}));
  }
  EXPECT_EQ(
      this->give(this->ada, {.hash = sha256("more"), .kind = CredentialKind::key}).error().code,
      ErrorCode::quota_exceeded);
}

TYPED_TEST(TreeContract, ANewRecoveryPhraseReplacesTheOlder) {
  ASSERT_TRUE(this->give(this->ada, {.hash = sha256("one"), .kind = CredentialKind::recovery}));
  ASSERT_TRUE(this->give(this->ada, {.hash = sha256("two"), .kind = CredentialKind::recovery}));
  EXPECT_FALSE(this->who("one")->has_value());
  EXPECT_TRUE(this->who("two")->has_value());
}

TYPED_TEST(TreeContract, AnErasedUserLeavesNothing) {
  this->talk(this->ada, 1, "needle");
  this->talk(this->bob, 2, "needle");
  ASSERT_TRUE(ask<void>(this->loop, [&](auto done) { this->store().erase_user(this->ada, done); }));
  EXPECT_FALSE(this->who("1")->has_value());
  EXPECT_EQ(this->message(this->ada, 3).error().code, ErrorCode::not_found);
  EXPECT_EQ(this->hits(this->ada, "needle"), 0U);
  EXPECT_EQ(this->hits(this->bob, "needle"), 1U);
}

TYPED_TEST(TreeContract, AnImportedConversationIsLikeOneThatWasTalked) {
  Conversation made{.id = numbered<ConversationId>(9), .title = "brought", .created_ms = 3};
  made.head = numbered<MessageId>(42);
  made.updated_ms = 4;
  std::vector<Message> rows(2);
  rows[0] = {.id = numbered<MessageId>(41), .role = Role::user, .content = "an imported question"};
  rows[1] = {.id = numbered<MessageId>(42),
             .parent = numbered<MessageId>(41),
             .role = Role::assistant,
             .content = "an imported answer",
             .end = ReplyEnd{.reason = EndReason::stop}};
  const auto imported = ask<ImportedConversation>(this->loop, [&](auto done) {
    this->store().import_conversation(this->ada, {made, rows, std::nullopt}, done);
  });
  ASSERT_TRUE(imported);
  EXPECT_TRUE(imported->is_new);
  EXPECT_EQ(imported->added, 2);
  EXPECT_EQ(this->message(this->ada, 42)->message.content, "an imported answer");
  EXPECT_EQ(this->message(this->ada, 42)->message.end->reason, EndReason::stop);
  EXPECT_EQ(this->hits(this->ada, "imported"), 2U);
  NewTurn next = turn(this->ada, 9, 30, numbered<MessageId>(42));
  EXPECT_TRUE(ask<void>(this->loop, [&](auto done) { this->store().begin_turn(next, done); }));
}

ConversationImport brought(int conversation, int first, int count) {
  ConversationImport made{.conversation = {.id = numbered<ConversationId>(conversation),
                                           .title = "brought",
                                           .created_ms = 3,
                                           .updated_ms = 4}};
  for (int i = first; i < first + count; ++i) {
    Message row{.id = numbered<MessageId>(i), .content = "words " + std::to_string(i)};
    if (i > first) row.parent = numbered<MessageId>(i - 1);
    if ((i - first) % 2 == 1) {
      row.role = Role::assistant;
      row.end = ReplyEnd{.reason = EndReason::length};
    }
    made.messages.push_back(row);
  }
  made.conversation.head = made.messages.back().id;
  return made;
}

TYPED_TEST(TreeContract, ImportingAgainAddsOnlyWhatIsNew) {
  const auto import = [&](ConversationImport made) {
    return *ask<ImportedConversation>(this->loop, [&](auto done) {
      this->store().import_conversation(this->ada, std::move(made), done);
    });
  };
  EXPECT_EQ(import(brought(9, 40, 2)).added, 2);
  const ImportedConversation again = import(brought(9, 40, 2));
  EXPECT_EQ(again.added, 0);
  EXPECT_FALSE(again.is_new);
  const ImportedConversation grown = import(brought(9, 40, 4));
  EXPECT_EQ(grown.added, 2);
  EXPECT_FALSE(grown.is_new);
  EXPECT_EQ(grown.conversation.head, numbered<MessageId>(43));
  ASSERT_TRUE(ask<void>(this->loop, [&](auto done) {
    this->store().remove(this->ada, numbered<ConversationId>(9), std::int64_t{5}, done);
  }));
  EXPECT_TRUE(import(brought(9, 40, 4)).is_new) << "what was deleted comes back";
  EXPECT_TRUE(this->message(this->ada, 42));
}

TYPED_TEST(TreeContract, AnExportOfWhatIsStillThereIsKnown) {
  this->talk(this->ada, 1, "hello");
  ConversationImport made = brought(9, 40, 2);
  made.original = numbered<ConversationId>(1);
  const auto imported = ask<ImportedConversation>(
      this->loop, [&](auto done) { this->store().import_conversation(this->ada, made, done); });
  EXPECT_EQ(imported->conversation.id, numbered<ConversationId>(1));
  EXPECT_EQ(imported->added, 0);
  const auto of_bob = ask<ImportedConversation>(
      this->loop, [&](auto done) { this->store().import_conversation(this->bob, made, done); });
  EXPECT_TRUE(of_bob->is_new) << "another user's ids mean nothing";
}

TYPED_TEST(TreeContract, UsageCountsWhatIsThere) {
  const auto usage = [&] {
    return *ask<Usage>(this->loop, [&](auto done) { this->store().usage(this->ada, done); });
  };
  EXPECT_EQ(usage().bytes, 0);
  this->talk(this->ada, 1, "hello");
  const Usage one = usage();
  EXPECT_EQ(one.conversations, 1);
  EXPECT_EQ(one.messages, 2);
  EXPECT_GT(one.bytes, 0);
  EXPECT_FALSE(one.has_recovery);
  ASSERT_TRUE(ask<void>(this->loop, [&](auto done) {
    this->store().add_credential(this->ada, {.hash = sha256("r"), .kind = CredentialKind::recovery},
                                 done);
  }));
  ASSERT_TRUE(ask<void>(this->loop, [&](auto done) {
    this->store().remove(this->ada, numbered<ConversationId>(1), std::nullopt, done);
  }));
  EXPECT_EQ(usage().bytes, 0);
  EXPECT_TRUE(usage().has_recovery);
}

TYPED_TEST(TreeContract, ThePathOfALongConversationComesWithoutItsOldTexts) {
  ASSERT_TRUE(ask<ImportedConversation>(this->loop, [&](auto done) {
    this->store().import_conversation(this->ada, brought(9, 40, 10), done);
  }));
  const auto path = ask<ConversationPath>(this->loop, [&](auto done) {
    this->store().load_path(this->ada, numbered<ConversationId>(9), ParentRef{}, 20, done);
  });
  ASSERT_EQ(path->messages.size(), 10U);
  EXPECT_EQ(path->num_left_out, 7U) << "three of eight bytes are more than twenty";
  EXPECT_EQ(path->messages[6].content, "");
  EXPECT_EQ(path->messages[6].id, numbered<MessageId>(46));
  EXPECT_EQ(path->messages[7].content, "words 47");
}

TYPED_TEST(TreeContract, WhatNobodyTouchedGoesUnlessItIsPinned) {
  this->talk(this->ada, 1, "old");
  this->talk(this->ada, 2, "old and pinned");
  ASSERT_TRUE(this->update(this->ada, 2, {.pinned = true}));
  this->store().purge({.untouched_ms = 5000});
  ASSERT_TRUE(this->update(this->ada, 2, {.title = "a write behind it"}));
  EXPECT_FALSE(this->message(this->ada, 3));
  EXPECT_TRUE(this->message(this->ada, 5));
}

TYPED_TEST(TreeContract, TheOldestOfTooManyBrowsersIsSignedOut) {
  for (int i = 0; i < HistoryStore::kCookiesMax; ++i) {
    const Credential cookie{.hash = sha256("cookie " + std::to_string(i)), .created_ms = 100 + i};
    ASSERT_TRUE(ask<void>(
        this->loop, [&](auto done) { this->store().add_credential(this->ada, cookie, done); }));
  }
  EXPECT_FALSE(this->who("1")->has_value()) << "the first one, of the identity's beginning";
  EXPECT_TRUE(this->who("cookie 0")->has_value());
}

}  // namespace
}  // namespace hearth::server

// A person's own identity: recovery, leaving, keys, erasing; and what nobody may do too often.
#include <cctype>
#include <string>

#include <gtest/gtest.h>

#include "server/session/peer_budget.h"
#include "server/session/phrase.h"
#include "tests/server/session/support/room.h"

namespace hearth::server::testing {
namespace {

template <class T, class Call>
Result<T> wait(Room& room, Call call) {
  Result<T> answer = fail(ErrorCode::internal, "no answer");
  call([&](Result<T> result) { answer = std::move(result); });
  room.settle();
  return answer;
}

Result<SessionGrant> open(Room& room, SessionWish wish) {
  return wait<SessionGrant>(room,
                            [&](auto done) { room.service->open_session(std::move(wish), done); });
}

TEST(Phrase, IsEightWordsOfFiveLettersAndForgivesHowItIsTyped) {
  const std::string phrase = make_phrase(counting_random());
  EXPECT_EQ(phrase.size(), 8U * 5U + 7U);
  std::string shouted;
  for (const char c : phrase) shouted += c == '-' ? ' ' : static_cast<char>(std::toupper(c));
  EXPECT_EQ(hash_of_phrase(phrase), hash_of_phrase(shouted));
  EXPECT_FALSE(hash_of_phrase(phrase.substr(1)));
  EXPECT_FALSE(hash_of_phrase(phrase + "b"));
  EXPECT_FALSE(hash_of_phrase("x" + phrase.substr(1)));
  EXPECT_FALSE(hash_of_phrase(""));
}

TEST(Account, APhraseBringsTheIdentityBackInANewBrowser) {
  Room room;
  const auto first = open(room, {.name = "Ada"});
  const auto phrase = wait<std::string>(
      room, [&](auto done) { room.service->account().new_phrase(first->user, done); });
  ASSERT_TRUE(phrase);
  const auto back = open(room, {.phrase = *phrase, .peer = "192.0.2.1"});
  ASSERT_TRUE(back);
  EXPECT_EQ(back->user.id, first->user.id);
  ASSERT_TRUE(back->new_secret);
  EXPECT_NE(back->user.credential, first->user.credential);
  const auto newer = wait<std::string>(
      room, [&](auto done) { room.service->account().new_phrase(first->user, done); });
  EXPECT_EQ(open(room, {.phrase = *phrase}).error().code, ErrorCode::forbidden);
  EXPECT_TRUE(open(room, {.phrase = *newer}));
}

TEST(Account, WrongPhrasesOfOneAddressAreBounded) {
  Room room;
  const std::string peer = "192.0.2.1";
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(open(room, {.phrase = "wrong", .peer = peer}).error().code, ErrorCode::forbidden);
  }
  EXPECT_EQ(open(room, {.phrase = "wrong", .peer = peer}).error().code, ErrorCode::rate_limited);
  EXPECT_EQ(open(room, {.phrase = "wrong", .peer = "192.0.2.2"}).error().code,
            ErrorCode::forbidden);
  room.time.advance(Milliseconds(30'000));
  EXPECT_EQ(open(room, {.phrase = "wrong", .peer = peer}).error().code, ErrorCode::forbidden);
}

TEST(Account, NewIdentitiesOfOneAddressAreBoundedAndKnownOnesAreNot) {
  Room room;
  const std::string peer = "192.0.2.1";
  const auto first = open(room, {.peer = peer});
  for (int i = 1; i < 60; ++i) EXPECT_TRUE(open(room, {.peer = peer})) << i;
  EXPECT_EQ(open(room, {.peer = peer}).error().code, ErrorCode::rate_limited);
  EXPECT_TRUE(open(room, {.secret = first->new_secret, .peer = peer}));
  EXPECT_TRUE(open(room, {.peer = "192.0.2.2"}));
  EXPECT_TRUE(open(room, {.peer = "127.0.0.1"}));
  room.time.advance(Milliseconds(1000));
  EXPECT_TRUE(open(room, {.peer = peer}));
}

TEST(PeerBudget, ForgetsTheOldestOfTooMany) {
  FakeClock time;
  PeerBudget budget(0.0, 1.0, time.clock());
  EXPECT_TRUE(budget.take("first"));
  EXPECT_FALSE(budget.take("first"));
  for (std::size_t i = 0; i < PeerBudget::kPeersMax; ++i) {
    time.advance(Milliseconds(1));
    budget.take("peer " + std::to_string(i));
  }
  EXPECT_TRUE(budget.take("first")) << "it was the oldest";
  EXPECT_FALSE(budget.take("peer " + std::to_string(PeerBudget::kPeersMax - 1)));
}

TEST(Account, LeavingEndsThisBrowserOnly) {
  Room room;
  const auto ada = open(room, {.name = "Ada"});
  auto tab = room.enter(ada->user);
  ASSERT_TRUE(wait<void>(room, [&](auto done) { room.service->account().leave(ada->user, done); }));
  EXPECT_EQ(tab->close_code(), 4401);
  const auto gone =
      wait<User>(room, [&](auto done) { room.service->authenticate(*ada->new_secret, done); });
  EXPECT_EQ(gone.error().code, ErrorCode::unauthorized);
}

TEST(Account, ARevokedKeyClosesItsSocketsAndNoOthers) {
  Room room;
  const User ada = room.new_user("Ada");
  const auto made = wait<NewKey>(
      room, [&](auto done) { room.service->account().create_key(ada, {.label = "laptop"}, done); });
  ASSERT_TRUE(made);
  const auto by_key =
      wait<User>(room, [&](auto done) { room.service->authenticate(made->secret, done); });
  ASSERT_TRUE(by_key);
  EXPECT_EQ(by_key->id, ada.id);
  EXPECT_EQ(by_key->scope, Scope::chat);
  auto page = room.enter(ada);
  auto program = room.enter(*by_key);
  EXPECT_EQ(
      wait<std::string>(room, [&](auto done) { room.service->account().new_phrase(*by_key, done); })
          .error()
          .code,
      ErrorCode::forbidden);
  ASSERT_TRUE(wait<void>(room, [&](auto done) {
    room.service->account().revoke_key(ada, key_id(made->credential.hash), done);
  }));
  EXPECT_EQ(program->close_code(), 4401);
  EXPECT_EQ(page->close_code(), std::nullopt);
  EXPECT_FALSE(
      wait<User>(room, [&](auto done) { room.service->authenticate(made->secret, done); }));
}

TEST(Account, AReadKeyReadsAndWritesNothing) {
  Room room;
  const User ada = room.new_user();
  const auto made = wait<NewKey>(room, [&](auto done) {
    room.service->account().create_key(ada, {.scope = Scope::read}, done);
  });
  const auto user =
      wait<User>(room, [&](auto done) { room.service->authenticate(made->secret, done); });
  auto tab = room.enter(*user);
  tab->send({{"type", "history.list"}, {"id", "1"}});
  room.settle();
  EXPECT_EQ(tab->receive_only()["type"], "result");
  tab->send({{"type", "chat.create"}, {"id", "2"}, {"content", "hi"}});
  room.settle();
  EXPECT_EQ(tab->receive_only()["error"]["code"], "forbidden");
}

TEST(Account, AnExpiredKeyLosesItsSockets) {
  Room room;
  const User ada = room.new_user();
  const auto made = wait<NewKey>(room, [&](auto done) {
    room.service->account().create_key(ada, {.expires_ms = room.time.unix_ms + 5000}, done);
  });
  const auto user =
      wait<User>(room, [&](auto done) { room.service->authenticate(made->secret, done); });
  auto tab = room.enter(*user);
  room.tick(Milliseconds(4000));
  EXPECT_EQ(tab->close_code(), std::nullopt);
  room.tick(Milliseconds(1001));
  EXPECT_EQ(tab->close_code(), 4401);
}

TEST(Account, TheOperatorsKeysAreUsersOfTheirOwn) {
  Room room;
  OperatorKey key{.id = "k", .label = "robot", .hash = sha256("hk-robot")};
  key.user.bytes[0] = 7;
  room.service->account().set_operator_keys({key});
  const auto user =
      wait<User>(room, [&](auto done) { room.service->authenticate("hk-robot", done); });
  ASSERT_TRUE(user);
  EXPECT_EQ(user->id, key.user);
  auto tab = room.enter(*user);
  EXPECT_EQ(room.ask(*tab, "hi")["type"], "accepted") << "it has a history";
  room.service->account().set_operator_keys({});
  EXPECT_EQ(tab->close_code(), 4401);
  EXPECT_FALSE(wait<User>(room, [&](auto done) { room.service->authenticate("hk-robot", done); }));
}

TEST(Account, TheOperatorEndsSomebodysSessionsAndAPhraseBringsThemBack) {
  Room room;
  const auto ada = open(room, {.name = "Ada"});
  AccountCalls& account = room.service->account();
  const auto phrase =
      wait<std::string>(room, [&](auto done) { account.new_phrase(ada->user, done); });
  const auto key = wait<NewKey>(room, [&](auto done) { account.create_key(ada->user, {}, done); });
  auto page = room.enter(ada->user);
  auto program = room.enter(
      *wait<User>(room, [&](auto done) { room.service->authenticate(key->secret, done); }));
  auto other = room.enter();
  room.ask(*page, "hello");
  std::vector<UserId> ended;
  account.on_access_end([&](const AccessEnd& end) { ended.push_back(*end.user); });
  ASSERT_TRUE(wait<void>(room, [&](auto done) { account.end_sessions(ada->user.id, done); }));
  EXPECT_EQ(page->close_code(), 4401);
  EXPECT_EQ(program->close_code(), 4401);
  EXPECT_EQ(other->close_code(), std::nullopt);
  EXPECT_EQ(ended, std::vector{ada->user.id});
  EXPECT_TRUE(room.engine.requests.at(room.last()).is_cancelled);
  for (const std::string& secret : {*ada->new_secret, key->secret}) {
    EXPECT_FALSE(wait<User>(room, [&](auto done) { room.service->authenticate(secret, done); }));
  }
  const auto back = open(room, {.phrase = *phrase});
  ASSERT_TRUE(back);
  EXPECT_EQ(wait<Usage>(room, [&](auto done) { account.usage(back->user, done); })->messages, 2);
}

TEST(Account, TheOperatorEndsOneKeyAndNothingElse) {
  Room room;
  const User ada = room.new_user();
  AccountCalls& account = room.service->account();
  const auto key = wait<NewKey>(room, [&](auto done) { account.create_key(ada, {}, done); });
  auto page = room.enter(ada);
  auto program = room.enter(
      *wait<User>(room, [&](auto done) { room.service->authenticate(key->secret, done); }));
  const std::string id = key_id(key->credential.hash);
  const auto of_nobody = wait<void>(room, [&](auto done) { account.end_key(UserId{}, id, done); });
  EXPECT_EQ(of_nobody.error().code, ErrorCode::not_found);
  EXPECT_EQ(program->close_code(), std::nullopt);
  ASSERT_TRUE(wait<void>(room, [&](auto done) { account.end_key(ada.id, id, done); }));
  EXPECT_EQ(program->close_code(), 4401);
  EXPECT_EQ(page->close_code(), std::nullopt);
}

TEST(Account, OfNobodyAndOfTheOperatorsOwnKeysNoSessionsAreEnded) {
  Room room;
  OperatorKey key{.id = "k", .label = "robot", .hash = sha256("hk-robot")};
  key.user.bytes[0] = 7;
  AccountCalls& account = room.service->account();
  account.set_operator_keys({key});
  const auto end = [&](const UserId& user) {
    return wait<void>(room, [&](auto done) { account.end_sessions(user, done); }).error().code;
  };
  EXPECT_EQ(end(key.user), ErrorCode::conflict);
  EXPECT_EQ(end(UserId{}), ErrorCode::not_found);
}

TEST(Account, ErasingLeavesNothingAndEndsWhatIsWritten) {
  Room room;
  const auto ada = open(room, {.name = "Ada"});
  const auto bob = room.new_user("Bob");
  auto tab = room.enter(ada->user);
  auto other = room.enter(bob);
  room.ask(*other, "mine stays");
  room.ask(*tab, "hello");
  const auto id = room.last();
  room.write(id, "some text");
  ASSERT_TRUE(wait<void>(room, [&](auto done) { room.service->account().erase(ada->user, done); }));
  EXPECT_TRUE(room.engine.requests.at(id).is_cancelled);
  EXPECT_EQ(tab->close_code(), 4401);
  EXPECT_EQ(other->close_code(), std::nullopt);
  EXPECT_FALSE(
      wait<User>(room, [&](auto done) { room.service->authenticate(*ada->new_secret, done); }));
  EXPECT_EQ(wait<Usage>(room, [&](auto done) { room.service->account().usage(ada->user, done); })
                .error()
                .code,
            ErrorCode::not_found);
  EXPECT_EQ(
      wait<Usage>(room, [&](auto done) { room.service->account().usage(bob, done); })->messages, 2);
}

TEST(Account, WhatWasBeingAcceptedWhenEverythingWasErasedDoesNotRun) {
  Room room;
  auto tab = room.enter();
  const User user = *tab->connection->user();
  tab->send({{"type", "chat.create"}, {"id", "c"}, {"content", "hi"}});  // nothing is settled yet
  ASSERT_TRUE(wait<void>(room, [&](auto done) { room.service->account().erase(user, done); }));
  EXPECT_TRUE(room.engine.order.empty());
}

}  // namespace
}  // namespace hearth::server::testing

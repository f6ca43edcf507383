// A history that forgets at exit: for ephemeral rooms and for tests. The same contract as SQLite's
// (tests/server/store runs both).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/session/history_store.h"
#include "server/store/worker.h"

namespace hearth::server {

// On the service's thread. Answers are ready at once, but go through `post` so that no callback
// runs inside its call.
class MemoryStore : public HistoryStore {
 public:
  // A user whose texts would be more than bytes_per_user gets quota_exceeded for the next turn.
  explicit MemoryStore(Post post, std::size_t bytes_per_user = 16 * 1024 * 1024);

  void create_user(User user, std::optional<Sha256> credential, std::int64_t now_ms,
                   Done<void> done) override;
  void find_user(Sha256 credential, Done<std::optional<User>> done) override;
  void rename_user(UserId owner, std::string name, Done<void> done) override;
  void find_request(UserId owner, std::string client_id,
                    Done<std::optional<KnownRequest>> done) override;
  void load_path(UserId owner, ConversationId conversation, ParentRef parent,
                 Done<ConversationPath> done) override;
  void begin_turn(NewTurn turn, Done<void> done) override;
  void checkpoint(UserId owner, MessageId reply, std::string text, std::int64_t tokens) override;
  void finish_reply(UserId owner, MessageId reply, ReplyEnd end, Done<void> done) override;
  void find_message(UserId owner, MessageId id, Done<FoundMessage> done) override;
  void list(UserId owner, std::string cursor, int limit, Done<ConversationPage> done) override;
  void load(UserId owner, ConversationId conversation, std::string cursor, std::size_t bytes_max,
            Done<MessagePage> done) override;
  void rename(UserId owner, ConversationId conversation, std::string title,
              std::optional<std::int64_t> revision, Done<std::int64_t> done) override;
  void remove(UserId owner, ConversationId conversation, Done<void> done) override;
  void clear(UserId owner, Done<std::int64_t> done) override;
  void purge_requests(std::int64_t before_ms) override;

 private:
  struct Thread {
    Conversation conversation;
    std::vector<Message> messages;  // in order of creation
  };
  struct Request {
    Sha256 body_hash{};
    MessageId reply;
    std::int64_t created_ms = 0;
  };
  struct Account {
    User user;
    std::map<ConversationId, Thread> threads;
    std::map<std::string, Request> requests;
    std::size_t bytes = 0;  // of all texts
  };
  struct Place {
    Thread* thread = nullptr;
    Message* message = nullptr;
  };

  template <class T>
  void answer(Done<T> done, Result<T> result);
  Account* account(const UserId& owner);
  Thread* thread(const UserId& owner, const ConversationId& conversation);
  Place place(const UserId& owner, const MessageId& id);
  Result<void> add_turn(NewTurn turn);
  Result<ConversationPath> path(const UserId& owner, const ConversationId& conversation,
                                const ParentRef& parent);
  void drop(Account& account, std::map<ConversationId, Thread>::iterator thread);

  Post post_;
  std::size_t bytes_per_user_;
  std::map<UserId, Account> accounts_;
  std::map<Sha256, UserId> credentials_;
};

}  // namespace hearth::server

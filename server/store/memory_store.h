// A history that forgets at exit: for ephemeral rooms and for tests. The same contract as SQLite's
// (tests/server/store runs both).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/session/history_store.h"
#include "server/store/worker.h"

namespace hearth::server {

// On the service's thread. Answers are ready at once, but go through `post` so that no callback
// runs inside its call.
class MemoryStore : public HistoryStore, public TraceStore {
 public:
  // A user whose texts would be more than bytes_per_user gets quota_exceeded for the next turn; so
  // does everybody when all of it together would be more than bytes_total.
  explicit MemoryStore(Post post, std::size_t bytes_per_user = 16 * 1024 * 1024,
                       std::size_t trace_bytes_per_user = kTraceBytesPerUser / 4,
                       std::size_t bytes_total = 512 * 1024 * 1024);

  void create_user(User user, std::optional<Sha256> credential, std::int64_t now_ms,
                   Done<void> done) override;
  void find_user(Sha256 credential, std::int64_t now_ms, Done<std::optional<User>> done) override;
  void rename_user(UserId owner, std::string name, Done<void> done) override;
  void add_credential(UserId owner, Credential credential, Done<void> done) override;
  void list_keys(UserId owner, Done<std::vector<Credential>> done) override;
  void remove_credential(UserId owner, Sha256 hash, Done<void> done) override;
  void remove_access(UserId owner, Done<void> done) override;
  void erase_user(UserId owner, Done<void> done) override;
  void find_request(UserId owner, std::string client_id,
                    Done<std::optional<KnownRequest>> done) override;
  void load_path(UserId owner, ConversationId conversation, ParentRef parent,
                 std::size_t text_bytes_max, Done<ConversationPath> done) override;
  void begin_turn(NewTurn turn, Done<void> done) override;
  void checkpoint(UserId owner, MessageId reply, ReplySoFar so_far) override;
  void finish_reply(UserId owner, MessageId reply, ReplyEnd end, Done<void> done) override;
  void find_message(UserId owner, MessageId id, Done<FoundMessage> done) override;
  void reply_ids(UserId owner, MessageId id, Done<std::vector<TokenId>> done) override;
  void search(UserId owner, std::string query, std::string cursor, int limit,
              Done<SearchPage> done) override;
  void list(UserId owner, std::string cursor, int limit, Done<ConversationPage> done) override;
  void load(UserId owner, ConversationId conversation, std::string cursor, std::size_t bytes_max,
            Done<MessagePage> done) override;
  void update(UserId owner, ConversationId conversation, ConversationChange change,
              Done<Conversation> done) override;
  void edit(UserId owner, ConversationId conversation, MessageId message, std::string content,
            std::optional<std::int64_t> revision, Done<std::int64_t> done) override;
  void set_head(UserId owner, ConversationId conversation, MessageId head,
                Done<void> done) override;
  void remove(UserId owner, ConversationId conversation, Hide now_ms, Done<void> done) override;
  void clear(UserId owner, Hide now_ms, Done<std::int64_t> done) override;
  void restore(UserId owner, std::optional<ConversationId> conversation,
               std::int64_t hidden_since_ms, Done<std::vector<Conversation>> done) override;
  void import_conversation(UserId owner, ConversationImport import,
                           Done<ImportedConversation> done) override;
  void usage(UserId owner, Done<Usage> done) override;
  void purge(PurgeBefore before) override;
  std::size_t bytes() const { return bytes_; }  // of everybody

  TraceStore* traces() override { return this; }
  void save_trace(UserId owner, MessageId message, std::vector<TraceBlob> blobs) override;
  void load_trace(UserId owner, MessageId message, std::vector<std::int64_t> places,
                  Loaded done) override;

 private:
  struct Thread {
    Conversation conversation;
    std::vector<Message> messages;  // in order of creation
    std::map<MessageId, std::map<std::int64_t, std::string>> traces;
    std::map<MessageId, std::vector<TokenId>> ids;  // of replies
    Hide hidden_ms;
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
    // Where each message lies: messages are only added at the end of a thread.
    std::unordered_map<MessageId, std::pair<ConversationId, std::size_t>, IdHash> places;
    std::size_t bytes = 0;            // of all texts and of what is kept of their tokens
    std::size_t droppable_bytes = 0;  // of candidates, which may be dropped
  };
  struct Place {
    Thread* thread = nullptr;
    Message* message = nullptr;
  };

  template <class T>
  void answer(Done<T> done, Result<T> result);
  Account* account(const UserId& owner);
  Thread* thread(const UserId& owner, const ConversationId& conversation);  // not a hidden one
  Result<Thread*> for_change(const UserId& owner, const ConversationId& conversation,
                             std::optional<std::int64_t> revision);
  void hide(Account& account, Thread& thread, std::int64_t now_ms);
  Place place(const UserId& owner, const MessageId& id);
  Result<void> add_turn(NewTurn turn);
  Result<void> reopen(Thread& thread, Message reply);
  Result<ConversationPath> path(const UserId& owner, const ConversationId& conversation,
                                const ParentRef& parent, std::size_t text_bytes_max);
  Result<ImportedConversation> import(Account& account, ConversationImport import);
  static void place_message(Account& account, Thread& thread, Message message);
  std::optional<Error> no_room(const Account& account, std::size_t more) const;
  void charge(Account& account, std::size_t added, std::size_t removed = 0);
  void charge_droppable(Account& account, std::size_t added, std::size_t removed);
  void drop_oldest_cookie(const UserId& owner);
  static void forget_requests(Account& account, const Thread& thread);
  void drop_hidden(Account& account);
  void drop_old_traces(Account& account, const MessageId& newest);
  void drop(Account& account, std::map<ConversationId, Thread>::iterator thread);

  Post post_;
  std::size_t bytes_per_user_;
  std::size_t trace_bytes_per_user_;
  std::size_t bytes_total_;
  std::size_t bytes_ = 0;
  std::map<UserId, Account> accounts_;
  struct Known {
    UserId owner;
    Credential credential;
  };
  std::map<Sha256, Known> credentials_;
};

}  // namespace hearth::server

// The seam to what is kept: users, conversations, messages, requests. Implemented in server/store
// (SQLite, memory).
//
// Every call takes the owner (reliability R-09): a foreign id and an unknown one are the same
// not_found. All calls come from the service's thread and return at once; each callback runs once,
// on the service's thread, never inside the call. Writes take effect in call order, reads see every
// write whose callback has run. Any call may fail with storage_unavailable.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/token_id.h"
#include "server/session/crypto.h"
#include "server/session/ids.h"
#include "server/session/protocol.h"
#include "server/session/records.h"
#include "server/session/trace_store.h"
#include "server/session/user.h"

namespace hearth::server {

class HistoryStore {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;

  // Finishes queued writes; callbacks that have not run may be dropped.
  virtual ~HistoryStore() = default;

  // Where tokens are kept; null: nowhere. Lives as long as this.
  virtual TraceStore* traces() { return nullptr; }

  // Users.
  virtual void create_user(User user, std::optional<Sha256> credential, std::int64_t now_ms,
                           Done<void> done) = 0;  // same id again: ok
  // Not with a credential that was revoked or has expired at now_ms. User::scope is the
  // credential's.
  virtual void find_user(Sha256 credential, std::int64_t now_ms,
                         Done<std::optional<User>> done) = 0;
  virtual void rename_user(UserId owner, std::string name, Done<void> done) = 0;
  // A new recovery phrase takes the place of the older one, a cookie too many that of the oldest.
  // Errors: not_found (user), quota_exceeded (kKeysMax keys).
  virtual void add_credential(UserId owner, Credential credential, Done<void> done) = 0;
  virtual void list_keys(UserId owner, Done<std::vector<Credential>> done) = 0;
  virtual void remove_credential(UserId owner, Sha256 hash, Done<void> done) = 0;  // not_found
  // All their cookies and keys; the recovery phrase stays. Errors: not_found (user).
  virtual void remove_access(UserId owner, Done<void> done) = 0;
  // The user and everything of theirs, for good.
  virtual void erase_user(UserId owner, Done<void> done) = 0;

  // Turns.
  // What a client id was used for, if it was.
  virtual void find_request(UserId owner, std::string client_id,
                            Done<std::optional<KnownRequest>> done) = 0;

  // The conversation and its messages from the root to `parent`, in that order. When the newest of
  // them (two at least) have more than text_bytes_max of text, those before come without theirs.
  // Errors: not_found (either of the two).
  virtual void load_path(UserId owner, ConversationId conversation, ParentRef parent,
                         std::size_t text_bytes_max, Done<ConversationPath> done) = 0;

  // One transaction: the conversation (if new), the user row (unless regenerating), the assistant
  // row, the request; the head moves to the reply. With `continues` the reply's row is live again
  // and keeps its text. Errors: not_found (conversation or parent), conflict (the client id is
  // taken, the reply is live), quota_exceeded.
  virtual void begin_turn(NewTurn turn, Done<void> done) = 0;

  // Text so far of a live reply; the row becomes `streaming`. A deleted row is ignored.
  virtual void checkpoint(UserId owner, MessageId reply, ReplySoFar so_far) = 0;

  // The end of a reply. Errors: not_found (deleted meanwhile).
  virtual void finish_reply(UserId owner, MessageId reply, ReplyEnd end, Done<void> done) = 0;

  // History.
  virtual void find_message(UserId owner, MessageId id,
                            Done<FoundMessage> done) = 0;  // Errors: not_found
  // The tokens of a reply; none when they are not known (edited, imported, of an older server).
  virtual void reply_ids(UserId owner, MessageId id, Done<std::vector<TokenId>> done) = 0;
  // Pinned first, then newest first (updated, then id). `cursor` is "" or the `next` of a page;
  // Errors: invalid_parameter (cursor).
  virtual void list(UserId owner, std::string cursor, int limit, Done<ConversationPage> done) = 0;
  // In order of creation. A page has at least one message and stops after bytes_max of text.
  // Errors: not_found, invalid_parameter.
  virtual void load(UserId owner, ConversationId conversation, std::string cursor,
                    std::size_t bytes_max, Done<MessagePage> done) = 0;
  // Best first. Errors: invalid_parameter (query without a word, cursor).
  virtual void search(UserId owner, std::string query, std::string cursor, int limit,
                      Done<SearchPage> done) = 0;

  // --- what overwrites: + 1 revision, and the present one is demanded when one is given
  // Errors of all: not_found, conflict (revision).
  virtual void update(UserId owner, ConversationId conversation, ConversationChange change,
                      Done<Conversation> done) = 0;
  // The message has no tokens any more. Gives the new revision. Errors: conflict (it is live).
  virtual void edit(UserId owner, ConversationId conversation, MessageId message,
                    std::string content, std::optional<std::int64_t> revision,
                    Done<std::int64_t> done) = 0;
  // No revision step: the last writer wins.
  virtual void set_head(UserId owner, ConversationId conversation, MessageId head,
                        Done<void> done) = 0;

  // --- deleting, and taking it back
  // Hidden at now_ms, or erased at once (now_ms empty). Errors: not_found.
  using Hide = std::optional<std::int64_t>;
  virtual void remove(UserId owner, ConversationId conversation, Hide now_ms, Done<void> done) = 0;
  virtual void clear(UserId owner, Hide now_ms, Done<std::int64_t> done) = 0;  // how many
  // Those hidden at or after hidden_since_ms: one (else not_found), or all.
  virtual void restore(UserId owner, std::optional<ConversationId> conversation,
                       std::int64_t hidden_since_ms, Done<std::vector<Conversation>> done) = 0;
  // Adds what is not there yet; overwrites nothing. A hidden conversation comes back. Errors:
  // not_found (user), quota_exceeded.
  virtual void import_conversation(UserId owner, ConversationImport import,
                                   Done<ImportedConversation> done) = 0;
  virtual void usage(UserId owner, Done<Usage> done) = 0;  // Errors: not_found
  virtual void purge(PurgeBefore before) = 0;

  static constexpr int kKeysMax = 16;
  static constexpr int kCookiesMax = 32;  // of one user; one more takes the place of the oldest
  static constexpr std::size_t kPathTextsMin = 2;
};

}  // namespace hearth::server

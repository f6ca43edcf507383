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
#include "server/session/crypto.h"
#include "server/session/ids.h"
#include "server/session/protocol.h"
#include "server/session/records.h"
#include "server/session/user.h"

namespace hearth::server {

class HistoryStore {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;

  virtual ~HistoryStore() =
      default;  // finishes queued writes; callbacks that have not run may be dropped

  // --- users
  // ------------------------------------------------------------------------------------------------------------
  virtual void create_user(User user, std::optional<Sha256> credential, std::int64_t now_ms,
                           Done<void> done) = 0;  // same id again: ok
  virtual void find_user(Sha256 credential, Done<std::optional<User>> done) = 0;
  virtual void rename_user(UserId owner, std::string name, Done<void> done) = 0;

  // --- turns
  // ------------------------------------------------------------------------------------------------------------
  // What a client id was used for, if it was.
  virtual void find_request(UserId owner, std::string client_id,
                            Done<std::optional<KnownRequest>> done) = 0;

  // The conversation and its messages from the root to `parent`, in that order. Errors: not_found
  // (either of the two).
  virtual void load_path(UserId owner, ConversationId conversation, ParentRef parent,
                         Done<ConversationPath> done) = 0;

  // One transaction: the conversation (if new), the user row (unless regenerating), the assistant
  // row, the request; the head moves to the reply. Errors: not_found (conversation or parent),
  // conflict (the client id is taken).
  virtual void begin_turn(NewTurn turn, Done<void> done) = 0;

  // Text so far of a live reply; the row becomes `streaming`. A deleted row is ignored.
  virtual void checkpoint(UserId owner, MessageId reply, std::string text, std::int64_t tokens) = 0;

  // The end of a reply. Errors: not_found (deleted meanwhile).
  virtual void finish_reply(UserId owner, MessageId reply, ReplyEnd end, Done<void> done) = 0;

  // --- history
  // ----------------------------------------------------------------------------------------------------------
  virtual void find_message(UserId owner, MessageId id,
                            Done<FoundMessage> done) = 0;  // Errors: not_found
  // Newest first (updated, then id). `cursor` is "" or the `next` of a page; Errors:
  // invalid_parameter (cursor).
  virtual void list(UserId owner, std::string cursor, int limit, Done<ConversationPage> done) = 0;
  // In order of creation. A page has at least one message and stops after bytes_max of text.
  // Errors: not_found, invalid_parameter.
  virtual void load(UserId owner, ConversationId conversation, std::string cursor,
                    std::size_t bytes_max, Done<MessagePage> done) = 0;
  // Gives the new revision. Errors: not_found, conflict (revision is not the given one).
  virtual void rename(UserId owner, ConversationId conversation, std::string title,
                      std::optional<std::int64_t> revision, Done<std::int64_t> done) = 0;
  virtual void remove(UserId owner, ConversationId conversation,
                      Done<void> done) = 0;                       // Errors: not_found
  virtual void clear(UserId owner, Done<std::int64_t> done) = 0;  // how many conversations
  // Requests older than that are forgotten.
  virtual void purge_requests(std::int64_t before_ms) = 0;
};

}  // namespace hearth::server

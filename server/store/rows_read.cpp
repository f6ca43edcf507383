#include <algorithm>

#include "server/session/history_store.h"
#include "server/store/cursor.h"
#include "server/store/row_values.h"
#include "server/store/rows.h"

namespace hearth::server::rows {
namespace {

// The columns of a message, in the order that read_message expects.
#define HEARTH_MESSAGE_COLUMNS                                                                 \
  "id, parent, role, status, content, edited, created_ms, model, fingerprint, seed, params, "  \
  "dropped, tokens, "                                                                          \
  "finish_reason, prompt_tokens, cached_tokens, queue_ms, prefill_ms, decode_ms, error_code, " \
  "error, conversation, rid"
constexpr int kConversationColumn = 21;
constexpr int kRidColumn = 22;

ReplyEnd read_end(const Statement& row) {
  return {.reason = end_reason_of(row.text(13)),
          .tokens = row.integer(12),
          .prompt_tokens = row.integer(14),
          .cached_tokens = row.integer(15),
          .queue_ms = row.real(16),
          .prefill_ms = row.real(17),
          .decode_ms = row.real(18),
          .error_code = failure_code_of(row.text(19)),
          .error = row.text(20)};
}

Message read_message(const Statement& row) {
  Message message{.id = row.id<MessageId>(0),
                  .parent = row.optional_id<MessageId>(1),
                  .role = role_of(row.text(2)),
                  .status = status_of(row.text(3)),
                  .content = row.text(4),
                  .edited = row.integer(5) != 0,
                  .created_ms = row.integer(6),
                  .model = row.text(7),
                  .fingerprint = row.text(8),
                  .seed = static_cast<std::uint64_t>(row.integer(9)),
                  .params_json = row.text(10),
                  .dropped = ids_of(row.blob(11)),
                  .tokens = row.integer(12)};
  if (!row.is_null(13)) message.end = read_end(row);
  return message;
}

constexpr const char* kConversationById =
    "SELECT id, title, revision, head, pinned, system, params, created_ms, updated_ms FROM "
    "conversation "
    "WHERE user = ? AND id = ? AND deleted_ms IS NULL";

constexpr const char* kMessagePlaceById =
    "SELECT id, parent, role, conversation FROM message WHERE user = ? AND id = ?";
constexpr int kPlaceConversationColumn = 3;

constexpr const char* kMessageById =
    "SELECT " HEARTH_MESSAGE_COLUMNS " FROM message WHERE user = ? AND id = ?";

}  // namespace

tl::unexpected<Error> not_found() {
  return fail(ErrorCode::not_found, "There is no such id here.");
}

tl::unexpected<Error> stale(std::int64_t revision) {
  return fail(ErrorCode::conflict,
              "The conversation is at revision " + std::to_string(revision) + ".");
}

Conversation read_conversation(const Statement& row) {
  return {.id = row.id<ConversationId>(0),
          .title = row.text(1),
          .revision = row.integer(2),
          .head = row.optional_id<MessageId>(3),
          .system = row.text(5),
          .params_json = row.text(6),
          .pinned = row.integer(4) != 0,
          .created_ms = row.integer(7),
          .updated_ms = row.integer(8)};
}

std::optional<Conversation> find_conversation(Database& db, const UserId& owner,
                                              const ConversationId& id) {
  Statement row = db.query(kConversationById, owner, id);
  if (!row.step()) return std::nullopt;
  return read_conversation(row);
}

Result<std::optional<User>> find_user(Database& db, const Sha256& credential, std::int64_t now_ms) {
  Statement row = db.query(
      "SELECT user.id, user.kind, user.name, credential.kind, credential.scopes, "
      "credential.expires_ms FROM credential "
      "JOIN user ON user.id = credential.user WHERE credential.hash = ? AND "
      "credential.revoked_ms IS NULL AND coalesce(credential.expires_ms, 9e18) > ?",
      credential, now_ms);
  if (!row.step()) return std::optional<User>{};
  User user{.id = row.id<UserId>(0),
            .kind = user_kind_of(row.text(1)),
            .name = row.text(2),
            .scope = row.text(3) == "key" ? key_scope_of(row.text(4)) : Scope::owner,
            .credential = credential};
  if (!row.is_null(5)) user.expires_ms = row.integer(5);
  return std::optional<User>(std::move(user));
}

Result<std::optional<KnownRequest>> find_request(Database& db, const UserId& owner,
                                                 const std::string& client_id) {
  KnownRequest known;
  MessageId reply;
  {
    Statement row =
        db.query("SELECT body_hash, message FROM request WHERE user = ? AND client_id = ?", owner,
                 client_id);
    if (!row.step()) return std::optional<KnownRequest>{};
    row.copy_blob(0, known.body_hash);
    reply = row.id<MessageId>(1);
  }
  {
    Statement row = db.query(kMessageById, owner, reply);
    if (!row.step()) return std::optional<KnownRequest>{};
    known.reply = read_message(row);
    known.conversation = find_conversation(db, owner, row.id<ConversationId>(kConversationColumn))
                             .value_or(Conversation{});
  }
  Statement question =
      db.query("SELECT parent FROM message WHERE user = ? AND id = ?", owner, known.reply.parent);
  if (question.step()) known.grandparent = question.optional_id<MessageId>(0);
  return std::optional<KnownRequest>(std::move(known));
}

Result<ConversationPath> load_path(Database& db, const UserId& owner,
                                   const ConversationId& conversation, const ParentRef& parent,
                                   std::size_t text_bytes_max) {
  const auto found = find_conversation(db, owner, conversation);
  if (!found) return not_found();
  ConversationPath path{.conversation = *found};
  if (parent.kind == ParentRef::Kind::root) return path;
  std::optional<MessageId> next =
      parent.kind == ParentRef::Kind::head ? found->head : parent.message;
  std::size_t bytes = 0;
  while (next) {
    const bool with_text =
        path.messages.size() < HistoryStore::kPathTextsMin || bytes <= text_bytes_max;
    Statement row = db.query(with_text ? kMessageById : kMessagePlaceById, owner, *next);
    const int conversation_column = with_text ? kConversationColumn : kPlaceConversationColumn;
    if (!row.step() || row.id<ConversationId>(conversation_column) != conversation)
      return not_found();
    if (with_text) {
      path.messages.push_back(read_message(row));
    } else {
      path.messages.push_back({.id = row.id<MessageId>(0),
                               .parent = row.optional_id<MessageId>(1),
                               .role = role_of(row.text(2))});
      ++path.num_left_out;
    }
    bytes += path.messages.back().content.size();
    next = path.messages.back().parent;
  }
  std::reverse(path.messages.begin(), path.messages.end());
  return path;
}

Result<FoundMessage> find_message(Database& db, const UserId& owner, const MessageId& id) {
  Statement row = db.query(kMessageById, owner, id);
  if (!row.step()) return not_found();
  FoundMessage found{row.id<ConversationId>(kConversationColumn), read_message(row)};
  if (!find_conversation(db, owner, found.conversation)) return not_found();
  return found;
}

Result<std::vector<TokenId>> reply_ids(Database& db, const UserId& owner, const MessageId& id) {
  Statement row = db.query("SELECT ids FROM message WHERE user = ? AND id = ?", owner, id);
  if (!row.step()) return not_found();
  return token_ids_of(row.blob(0));
}

Result<ConversationPage> list(Database& db, const UserId& owner, const std::string& cursor,
                              int limit) {
  const auto from = parse_list_cursor(cursor);
  if (!from) return tl::unexpected(from.error());
  Statement row = db.query(
      "SELECT id, title, revision, head, pinned, system, params, created_ms, updated_ms FROM "
      "conversation "
      "WHERE user = ? AND deleted_ms IS NULL AND (pinned, updated_ms, id) < (?, ?, ?) "
      "ORDER BY pinned DESC, updated_ms DESC, id DESC LIMIT ?",
      owner, std::int64_t{from->pinned}, from->updated_ms, from->id, std::int64_t{limit} + 1);
  ConversationPage page;
  while (row.step()) {
    if (page.conversations.size() == static_cast<std::size_t>(limit)) {
      const Conversation& last = page.conversations.back();
      page.next = to_string(ListCursor{last.pinned, last.updated_ms, last.id});
      break;
    }
    page.conversations.push_back(read_conversation(row));
  }
  return page;
}

Result<MessagePage> load(Database& db, const UserId& owner, const ConversationId& conversation,
                         const std::string& cursor, std::size_t bytes_max) {
  const auto after = parse_position_cursor(cursor);
  if (!after) return tl::unexpected(after.error());
  const auto found = find_conversation(db, owner, conversation);
  if (!found) return not_found();
  MessagePage page{*found, {}, {}};
  Statement row =
      db.query("SELECT " HEARTH_MESSAGE_COLUMNS
               " FROM message WHERE user = ? AND conversation = ? AND rid > ? ORDER BY rid",
               owner, conversation, *after);
  std::size_t bytes = 0;
  std::int64_t last_rid = 0;
  while (row.step()) {
    Message message = read_message(row);
    bytes += message.content.size() + message.params_json.size() + kMessageOverheadBytes;
    if (!page.messages.empty() && bytes > bytes_max) {
      page.next = std::to_string(last_rid);
      break;
    }
    last_rid = row.integer(kRidColumn);
    page.messages.push_back(std::move(message));
  }
  return page;
}

}  // namespace hearth::server::rows

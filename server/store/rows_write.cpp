#include "server/store/row_values.h"
#include "server/store/rows.h"
#include "server/store/schema.h"

namespace hearth::server::rows {
namespace {

void insert_message(Database& db, const NewTurn& turn, const Message& row) {
  db.run(
      "INSERT INTO message(user, conversation, id, parent, role, status, content, created_ms, "
      "model, fingerprint, "
      "seed, params, dropped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      turn.owner, turn.conversation, row.id, row.parent, to_string(row.role), to_string(row.status),
      row.content, row.created_ms, row.model, row.fingerprint, static_cast<std::int64_t>(row.seed),
      row.params_json, to_blob(row.dropped));
}

void index_new(Database& db, const UserId& owner, const MessageId& id, const std::string& content) {
  std::int64_t rid = 0;
  {
    Statement row = db.query("SELECT rid FROM message WHERE user = ? AND id = ?", owner, id);
    if (!row.step()) return;
    rid = row.integer(0);
  }
  index_message(db, rid, owner, content);
}

// The same reply once more: its row is live again, its text stays until the first checkpoint.
Result<void> reopen(Database& db, const NewTurn& turn) {
  const int changed = db.run(
      "UPDATE message SET status = 'queued', finish_reason = NULL, error_code = '', error = '', "
      "params = ?, model = ?, fingerprint = ?, dropped = ? "
      "WHERE user = ? AND conversation = ? AND id = ? AND status IN ('done', 'interrupted')",
      turn.reply.params_json, turn.reply.model, turn.reply.fingerprint, to_blob(turn.reply.dropped),
      turn.owner, turn.conversation, turn.reply.id);
  if (changed == 0) return fail(ErrorCode::conflict, "The reply is still being written.");
  return {};
}

bool has_message(Database& db, const NewTurn& turn, const MessageId& id) {
  return db
      .query("SELECT 1 FROM message WHERE user = ? AND conversation = ? AND id = ?", turn.owner,
             turn.conversation, id)
      .step();
}

bool is_request_taken(Database& db, const NewTurn& turn) {
  return db
      .query("SELECT 1 FROM request WHERE user = ? AND client_id = ?", turn.owner, turn.client_id)
      .step();
}

}  // namespace

void insert_conversation(Database& db, const UserId& owner, const Conversation& row) {
  db.run(
      "INSERT INTO conversation(user, id, title, revision, head, pinned, system, params, "
      "created_ms, updated_ms) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      owner, row.id, row.title, row.revision, row.head, std::int64_t{row.pinned}, row.system,
      row.params_json, row.created_ms, row.updated_ms);
}

Result<void> create_user(Database& db, const User& user, const std::optional<Sha256>& credential,
                         std::int64_t now_ms) {
  db.run(
      "INSERT INTO user(id, kind, name, created_ms) VALUES (?, ?, ?, ?) ON CONFLICT(id) DO NOTHING",
      user.id, to_string(user.kind), user.name, now_ms);
  if (credential) {
    db.run("INSERT INTO credential(hash, user, kind, created_ms) VALUES (?, ?, 'cookie', ?)",
           *credential, user.id, now_ms);
  }
  return {};
}

Result<void> rename_user(Database& db, const UserId& owner, const std::string& name) {
  if (db.run("UPDATE user SET name = ? WHERE id = ?", name, owner) == 0) return not_found();
  return {};
}

Result<void> begin_turn(Database& db, const NewTurn& turn, std::int64_t quota_bytes) {
  if (is_request_taken(db, turn))
    return fail(ErrorCode::conflict, "This id was used a moment ago.");
  if (turn.new_conversation) {
    insert_conversation(db, turn.owner, *turn.new_conversation);
  } else {
    const int changed = db.run(
        "UPDATE conversation SET head = ?, updated_ms = ?, system = coalesce(?, system), params = "
        "coalesce(?, params) "
        "WHERE user = ? AND id = ? AND deleted_ms IS NULL",
        turn.reply.id, turn.now_ms, turn.system, turn.params_json, turn.owner, turn.conversation);
    if (changed == 0) return not_found();
    const auto& parent = turn.user_message ? turn.user_message->parent : turn.reply.parent;
    if (parent && !has_message(db, turn, *parent)) return not_found();
  }
  if (turn.continues) {
    if (auto reopened = reopen(db, turn); !reopened) return reopened;
  } else {
    if (turn.user_message) {
      insert_message(db, turn, *turn.user_message);
      index_new(db, turn.owner, turn.user_message->id, turn.user_message->content);
    }
    insert_message(db, turn, turn.reply);
  }
  if (auto fits = keep_quota(db, turn.owner, quota_bytes); !fits) return fits;
  db.run(
      "INSERT INTO request(user, client_id, body_hash, message, created_ms) VALUES (?, ?, ?, ?, ?)",
      turn.owner, turn.client_id, turn.body_hash, turn.reply.id, turn.now_ms);
  return {};
}

Result<void> checkpoint(Database& db, const UserId& owner, const MessageId& reply,
                        const ReplySoFar& so_far) {
  db.run(
      "UPDATE message SET content = ?, tokens = ?, ids = ?, status = 'streaming' "
      "WHERE user = ? AND id = ? AND status IN ('queued', 'streaming')",
      so_far.text, static_cast<std::int64_t>(so_far.ids.size()), to_blob(so_far.ids), owner, reply);
  return {};
}

Result<void> finish_reply(Database& db, const UserId& owner, const MessageId& reply,
                          const ReplyEnd& end) {
  const int changed = db.run(
      "UPDATE message SET content = ?, ids = ?, tokens = ?, status = ?, finish_reason = ?, "
      "prompt_tokens = "
      "?, cached_tokens = ?, "
      "queue_ms = ?, prefill_ms = ?, decode_ms = ?, error_code = ?, error = ? WHERE user = ? AND "
      "id = ?",
      end.text, to_blob(end.ids), end.tokens, to_string(status_after(end.reason)),
      to_string(end.reason), end.prompt_tokens, end.cached_tokens, end.queue_ms, end.prefill_ms,
      end.decode_ms, end.error.empty() ? std::string_view() : to_string(end.error_code), end.error,
      owner, reply);
  if (changed == 0) return not_found();
  index_new(db, owner, reply, end.text);
  return {};
}

}  // namespace hearth::server::rows

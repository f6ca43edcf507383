// What overwrites, hides and erases.
#include <utility>

#include "server/store/row_values.h"
#include "server/store/rows.h"
#include "server/store/schema.h"

namespace hearth::server::rows {
namespace {

// The conversation, if it is there and at the revision the caller knows.
Result<Conversation> for_change(Database& db, const UserId& owner, const ConversationId& id,
                                std::optional<std::int64_t> revision) {
  auto found = find_conversation(db, owner, id);
  if (!found) return not_found();
  if (revision && *revision != found->revision) return stale(found->revision);
  return std::move(*found);
}

bool is_live(const std::string& status) { return status == "queued" || status == "streaming"; }

}  // namespace

Result<Conversation> update(Database& db, const UserId& owner, const ConversationId& conversation,
                            const ConversationChange& change) {
  auto row = for_change(db, owner, conversation, change.revision);
  if (!row) return row;
  row->title = change.title.value_or(row->title);
  row->pinned = change.pinned.value_or(row->pinned);
  row->system = change.system.value_or(row->system);
  row->params_json = change.params_json.value_or(row->params_json);
  ++row->revision;
  db.run(
      "UPDATE conversation SET title = ?, pinned = ?, system = ?, params = ?, revision = ? "
      "WHERE user = ? AND id = ?",
      row->title, std::int64_t{row->pinned}, row->system, row->params_json, row->revision, owner,
      conversation);
  return row;
}

Result<std::int64_t> edit(Database& db, const UserId& owner, const ConversationId& conversation,
                          const MessageId& message, const std::string& content,
                          std::optional<std::int64_t> revision) {
  const auto row = for_change(db, owner, conversation, revision);
  if (!row) return tl::unexpected(row.error());
  std::int64_t rid = 0;
  {
    Statement found =
        db.query("SELECT rid, status FROM message WHERE user = ? AND conversation = ? AND id = ?",
                 owner, conversation, message);
    if (!found.step()) return not_found();
    if (is_live(found.text(1))) {
      return fail(ErrorCode::conflict, "The message is still being written.");
    }
    rid = found.integer(0);
  }
  db.run(
      "UPDATE message SET content = ?, edited = 1, ids = x'', tokens = 0, status = 'done', "
      "finish_reason = CASE WHEN finish_reason IS NULL THEN NULL ELSE 'stop' END, error_code = '', "
      "error = '' WHERE rid = ?",
      content, rid);
  index_message(db, rid, owner, content);
  db.run("UPDATE conversation SET revision = revision + 1 WHERE user = ? AND id = ?", owner,
         conversation);
  return row->revision + 1;
}

Result<void> set_head(Database& db, const UserId& owner, const ConversationId& conversation,
                      const MessageId& head) {
  if (!find_conversation(db, owner, conversation)) return not_found();
  {
    Statement found =
        db.query("SELECT 1 FROM message WHERE user = ? AND conversation = ? AND id = ?", owner,
                 conversation, head);
    if (!found.step()) return not_found();
  }
  db.run("UPDATE conversation SET head = ? WHERE user = ? AND id = ?", head, owner, conversation);
  return {};
}

void unindex_user(Database& db, const UserId& owner) {
  db.run("DELETE FROM message_fts WHERE rowid IN (SELECT rid FROM message WHERE user = ?)", owner);
}

// What is hidden no longer answers for the client ids that made it: sent again, they make it anew.
Result<void> remove(Database& db, const UserId& owner, const ConversationId& conversation,
                    std::optional<std::int64_t> hide_ms) {
  if (!hide_ms) {
    db.run(
        "DELETE FROM message_fts WHERE rowid IN "
        "(SELECT rid FROM message WHERE user = ? AND conversation = ?)",
        owner, conversation);
    const int erased =
        db.run("DELETE FROM conversation WHERE user = ? AND id = ?", owner, conversation);
    if (erased == 0) return not_found();
    return {};
  }
  const int hidden = db.run(
      "UPDATE conversation SET deleted_ms = ? WHERE user = ? AND id = ? AND deleted_ms IS NULL",
      *hide_ms, owner, conversation);
  if (hidden == 0) return not_found();
  db.run(
      "DELETE FROM request WHERE user = ?1 AND message IN "
      "(SELECT id FROM message WHERE user = ?1 AND conversation = ?2)",
      owner, conversation);
  return {};
}

Result<std::int64_t> clear(Database& db, const UserId& owner, std::optional<std::int64_t> hide_ms) {
  if (!hide_ms) {
    unindex_user(db, owner);
    return db.run("DELETE FROM conversation WHERE user = ?", owner);
  }
  const int hidden =
      db.run("UPDATE conversation SET deleted_ms = ? WHERE user = ? AND deleted_ms IS NULL",
             *hide_ms, owner);
  db.run("DELETE FROM request WHERE user = ?", owner);
  return hidden;
}

Result<std::vector<Conversation>> restore(Database& db, const UserId& owner,
                                          const std::optional<ConversationId>& conversation,
                                          std::int64_t hidden_since_ms) {
  std::vector<Conversation> restored;
  {
    Statement row = db.query(
        "SELECT id, title, revision, head, pinned, system, params, created_ms, updated_ms "
        "FROM conversation WHERE user = ?1 AND deleted_ms >= ?2 AND (?3 IS NULL OR id = ?3)",
        owner, hidden_since_ms, conversation);
    while (row.step()) restored.push_back(read_conversation(row));
  }
  if (conversation && restored.empty()) return not_found();
  for (const Conversation& one : restored) {
    db.run("UPDATE conversation SET deleted_ms = NULL WHERE user = ? AND id = ?", owner, one.id);
  }
  return restored;
}

Result<void> purge(Database& db, const PurgeBefore& before) {
  db.run("DELETE FROM request WHERE created_ms < ?", before.requests_ms);
  std::vector<std::pair<UserId, ConversationId>> gone;
  {
    Statement row = db.query(
        "SELECT user, id FROM conversation WHERE deleted_ms < ?1 "
        "UNION SELECT user, id FROM conversation WHERE pinned = 0 AND updated_ms < ?2 AND NOT "
        "EXISTS (SELECT 1 FROM message WHERE message.user = conversation.user AND "
        "message.conversation = conversation.id AND message.status IN ('queued', 'streaming')) "
        "LIMIT 500",  // the rest goes next time
        before.hidden_ms, before.untouched_ms);
    while (row.step()) gone.emplace_back(row.id<UserId>(0), row.id<ConversationId>(1));
  }
  for (const auto& [user, conversation] : gone) {
    if (auto removed = remove(db, user, conversation, std::nullopt); !removed) return removed;
  }
  return {};
}

}  // namespace hearth::server::rows

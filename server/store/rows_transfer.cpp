// A whole conversation at once: import. And how much a user has.
#include "server/session/history_store.h"
#include "server/store/row_values.h"
#include "server/store/rows.h"
#include "server/store/schema.h"

namespace hearth::server::rows {
namespace {

bool exists(Database& db, const char* sql, const UserId& owner, std::span<const std::uint8_t> id) {
  return db.query(sql, owner, id).step();
}

void insert_message(Database& db, const UserId& owner, const ConversationId& conversation,
                    const Message& row) {
  const bool has_end = row.end.has_value();
  db.run(
      "INSERT INTO message(user, conversation, id, parent, role, status, content, edited, "
      "created_ms, model, seed, params, finish_reason) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      owner, conversation, row.id, row.parent, to_string(row.role),
      to_string(has_end ? status_after(row.end->reason) : MessageStatus::done), row.content,
      std::int64_t{row.edited}, row.created_ms, row.model, static_cast<std::int64_t>(row.seed),
      row.params_json,
      has_end ? std::optional<std::string_view>(to_string(row.end->reason)) : std::nullopt);
  index_message(db, db.last_row(), owner, row.content);
}

// Whether the conversation is there; a hidden one comes back.
enum class Before : std::uint8_t { absent, hidden, present };

Before uncover(Database& db, const UserId& owner, const ConversationId& id) {
  Before before = Before::absent;
  {
    Statement row =
        db.query("SELECT deleted_ms FROM conversation WHERE user = ? AND id = ?", owner, id);
    if (row.step()) before = row.is_null(0) ? Before::present : Before::hidden;
  }
  if (before == Before::hidden)
    db.run("UPDATE conversation SET deleted_ms = NULL WHERE user = ? AND id = ?", owner, id);
  return before;
}

}  // namespace

Result<void> keep_quota(Database& db, const UserId& owner, std::int64_t quota_bytes) {
  const auto is_over = [&] {
    return quota_bytes > 0 && bytes_of_user(db, owner).value_or(0) > quota_bytes;
  };
  if (!is_over()) return {};
  std::vector<ConversationId> hidden;
  {
    Statement row =
        db.query("SELECT id FROM conversation WHERE user = ? AND deleted_ms IS NOT NULL", owner);
    while (row.step()) hidden.push_back(row.id<ConversationId>(0));
  }
  for (const ConversationId& one : hidden) {
    if (auto removed = remove(db, owner, one, std::nullopt); !removed) return removed;
  }
  if (is_over()) {
    return fail(ErrorCode::quota_exceeded,
                "Your conversations fill the space this server gives; delete some.");
  }
  return {};
}

std::optional<std::int64_t> bytes_of_user(Database& db, const UserId& owner) {
  Statement row = db.query("SELECT bytes FROM user WHERE id = ?", owner);
  if (!row.step()) return std::nullopt;
  return row.integer(0);
}

Result<ImportedConversation> import_conversation(Database& db, const UserId& owner,
                                                 const ConversationImport& import,
                                                 std::int64_t quota_bytes) {
  if (import.original) {
    if (auto original = find_conversation(db, owner, *import.original))
      return ImportedConversation{.conversation = std::move(*original)};
  }
  if (!bytes_of_user(db, owner)) return not_found();
  const Conversation& made = import.conversation;
  const Before before = uncover(db, owner, made.id);
  if (before == Before::absent) insert_conversation(db, owner, made);
  ImportedConversation imported{.is_new = before != Before::present};
  for (const Message& row : import.messages) {
    if (exists(db, "SELECT 1 FROM message WHERE user = ? AND id = ?", owner, row.id.bytes))
      continue;
    insert_message(db, owner, made.id, row);
    ++imported.added;
  }
  if (before != Before::absent && imported.added > 0) {
    db.run(
        "UPDATE conversation SET head = ?, updated_ms = max(updated_ms, ?) "
        "WHERE user = ? AND id = ?",
        made.head, made.updated_ms, owner, made.id);
  }
  if (auto fits = keep_quota(db, owner, quota_bytes); !fits) return tl::unexpected(fits.error());
  imported.conversation = find_conversation(db, owner, made.id).value_or(made);
  return imported;
}

Result<Usage> usage(Database& db, const UserId& owner, std::int64_t quota_bytes) {
  const auto bytes = bytes_of_user(db, owner);
  if (!bytes) return not_found();
  Usage usage{.bytes = *bytes, .quota_bytes = quota_bytes};
  {
    Statement row =
        db.query("SELECT count(*) FROM conversation WHERE user = ? AND deleted_ms IS NULL", owner);
    if (row.step()) usage.conversations = row.integer(0);
  }
  {
    Statement row = db.query(
        "SELECT count(*) FROM message JOIN conversation ON conversation.user = message.user AND "
        "conversation.id = message.conversation WHERE message.user = ? AND deleted_ms IS NULL",
        owner);
    if (row.step()) usage.messages = row.integer(0);
  }
  usage.has_recovery =
      db.query("SELECT 1 FROM credential WHERE user = ? AND kind = 'recovery'", owner).step();
  return usage;
}

}  // namespace hearth::server::rows

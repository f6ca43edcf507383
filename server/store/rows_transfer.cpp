// A whole conversation at once: import.
#include "server/store/row_values.h"
#include "server/store/rows.h"
#include "server/store/schema.h"

namespace hearth::server::rows {

Result<void> import_conversation(Database& db, const UserId& owner,
                                 const Conversation& conversation,
                                 const std::vector<Message>& messages) {
  insert_conversation(db, owner, conversation);
  for (const Message& row : messages) {
    const ReplyEnd end = row.end.value_or(ReplyEnd{});
    db.run(
        "INSERT INTO message(user, conversation, id, parent, role, status, content, edited, "
        "created_ms, model, seed, params, finish_reason) "
        "VALUES (?, ?, ?, ?, ?, 'done', ?, ?, ?, ?, ?, ?, ?)",
        owner, conversation.id, row.id, row.parent, to_string(row.role), row.content,
        std::int64_t{row.edited}, row.created_ms, row.model, static_cast<std::int64_t>(row.seed),
        row.params_json,
        row.end ? std::optional<std::string_view>(to_string(end.reason)) : std::nullopt);
    index_message(db, db.last_row(), owner, row.content);
  }
  return {};
}

}  // namespace hearth::server::rows

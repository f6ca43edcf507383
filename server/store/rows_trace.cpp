// What is kept of replies' tokens: blobs at numbered places (session/trace_store.h).
#include "server/session/trace_store.h"
#include "server/store/rows.h"

namespace hearth::server::rows {
namespace {

bool exists(Database& db, const UserId& owner, const MessageId& message) {
  return db.query("SELECT 1 FROM message WHERE user = ? AND id = ?", owner, message).step();
}

std::int64_t droppable_bytes(Database& db, const UserId& owner) {
  Statement row = db.query(
      "SELECT coalesce(sum(length(data)), 0) FROM token_trace WHERE user = ? AND chunk % 2 <> 0",
      owner);
  return row.step() ? row.integer(0) : 0;
}

struct Droppable {
  MessageId message;
  std::int64_t bytes = 0;
};

std::optional<Droppable> oldest_droppable(Database& db, const UserId& owner,
                                          const MessageId& newest) {
  Statement row = db.query(
      "SELECT trace.message, sum(length(trace.data)) FROM token_trace AS trace "
      "JOIN message ON message.user = trace.user AND message.id = trace.message "
      "WHERE trace.user = ? AND trace.chunk % 2 <> 0 "
      "GROUP BY trace.message ORDER BY trace.message = ?, message.rid LIMIT 1",
      owner, newest);
  if (!row.step()) return std::nullopt;
  return Droppable{row.id<MessageId>(0), row.integer(1)};
}

void make_room(Database& db, const UserId& owner, const MessageId& newest, std::int64_t bytes_max) {
  std::int64_t bytes = droppable_bytes(db, owner);
  while (bytes > bytes_max) {
    const auto oldest = oldest_droppable(db, owner, newest);
    if (!oldest) return;
    db.run("DELETE FROM token_trace WHERE user = ? AND message = ? AND chunk % 2 <> 0", owner,
           oldest->message);
    bytes -= oldest->bytes;
  }
}

std::span<const std::uint8_t> bytes_of(const std::string& data) {
  return {reinterpret_cast<const std::uint8_t*>(data.data()), data.size()};
}

}  // namespace

Result<void> save_trace(Database& db, const UserId& owner, const MessageId& message,
                        const std::vector<TraceBlob>& blobs, std::int64_t bytes_max) {
  if (!exists(db, owner, message)) return {};
  bool has_droppable = false;
  for (const TraceBlob& blob : blobs) {
    db.run("INSERT OR REPLACE INTO token_trace(user, message, chunk, data) VALUES (?, ?, ?, ?)",
           owner, message, blob.place, bytes_of(blob.data));
    has_droppable = has_droppable || blob.place % 2 != 0;
  }
  if (has_droppable) make_room(db, owner, message, bytes_max);
  return {};
}

Result<std::vector<TraceBlob>> load_trace(Database& db, const UserId& owner,
                                          const MessageId& message,
                                          const std::vector<std::int64_t>& places) {
  std::vector<TraceBlob> blobs;
  for (const std::int64_t place : places) {
    Statement row =
        db.query("SELECT data FROM token_trace WHERE user = ? AND message = ? AND chunk = ?", owner,
                 message, place);
    if (!row.step()) continue;
    const std::span<const std::uint8_t> data = row.blob(0);
    blobs.push_back({place, std::string(data.begin(), data.end())});
  }
  return blobs;
}

}  // namespace hearth::server::rows

#include "server/store/schema.h"

#include <string>

namespace hearth::server {
namespace {

constexpr std::int64_t kApplicationId = 0x48727468;  // "Hrth"

// reliability §3.2 and DESIGN §10, "Ids and rows". Each key begins with its owner, so that a query
// without one stands out.
//
// Not here yet: message_fts. It comes as schema 2 with the search calls: an FTS5 table (rowid =
// message.rid) over our own segmentation, in which each Han character is a token, filled from
// `message` by the migration.
constexpr const char* kTables = R"sql(
CREATE TABLE room (
  id BLOB PRIMARY KEY, name TEXT NOT NULL, created_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE user (
  id BLOB PRIMARY KEY, room BLOB REFERENCES room(id), kind TEXT NOT NULL, name TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE credential (                    -- hash: SHA-256 of the secret, which is kept nowhere
  hash BLOB PRIMARY KEY, user BLOB NOT NULL REFERENCES user(id) ON DELETE CASCADE,
  kind TEXT NOT NULL,                        -- cookie, key, recovery, host
  scopes TEXT NOT NULL DEFAULT '', created_ms INTEGER NOT NULL, expires_ms INTEGER, revoked_ms INTEGER
) WITHOUT ROWID;
CREATE INDEX credential_by_user ON credential(user);

CREATE TABLE conversation (
  user BLOB NOT NULL REFERENCES user(id) ON DELETE CASCADE, id BLOB NOT NULL,
  title TEXT NOT NULL, revision INTEGER NOT NULL, head BLOB, pinned INTEGER NOT NULL DEFAULT 0,
  system TEXT NOT NULL, params TEXT NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
  PRIMARY KEY (user, id)
) WITHOUT ROWID;
CREATE INDEX conversation_by_time ON conversation(user, updated_ms, id);

CREATE TABLE message (                       -- rid is the order of creation
  rid INTEGER PRIMARY KEY,
  user BLOB NOT NULL, conversation BLOB NOT NULL, id BLOB NOT NULL, parent BLOB,
  role TEXT NOT NULL, status TEXT NOT NULL, content TEXT NOT NULL, edited INTEGER NOT NULL DEFAULT 0,
  created_ms INTEGER NOT NULL,
  model TEXT NOT NULL DEFAULT '', fingerprint TEXT NOT NULL DEFAULT '', seed INTEGER NOT NULL DEFAULT 0,
  params TEXT NOT NULL DEFAULT '', dropped BLOB NOT NULL DEFAULT x'',      -- dropped: ids, 16 bytes each
  tokens INTEGER NOT NULL DEFAULT 0, finish_reason TEXT,
  prompt_tokens INTEGER NOT NULL DEFAULT 0, cached_tokens INTEGER NOT NULL DEFAULT 0,
  queue_ms REAL NOT NULL DEFAULT 0, prefill_ms REAL NOT NULL DEFAULT 0, decode_ms REAL NOT NULL DEFAULT 0,
  error_code TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '',
  UNIQUE (user, id),
  FOREIGN KEY (user, conversation) REFERENCES conversation(user, id) ON DELETE CASCADE
);
CREATE INDEX message_by_conversation ON message(user, conversation, rid);
CREATE INDEX message_live ON message(status) WHERE status IN ('queued', 'streaming');

CREATE TABLE request (                       -- what makes chat.create idempotent; forgotten after a day
  user BLOB NOT NULL, client_id TEXT NOT NULL, body_hash BLOB NOT NULL, message BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (user, client_id),
  FOREIGN KEY (user, message) REFERENCES message(user, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX request_by_time ON request(created_ms);
CREATE INDEX request_by_message ON request(user, message);

CREATE TABLE token_trace (                   -- for the inspector: 64 tokens a chunk
  user BLOB NOT NULL, message BLOB NOT NULL, chunk INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (user, message, chunk),
  FOREIGN KEY (user, message) REFERENCES message(user, id) ON DELETE CASCADE
) WITHOUT ROWID;
)sql";

std::int64_t pragma(Database& database, const char* sql) {
  Statement statement = database.query(sql);
  return statement.step() ? statement.integer(0) : 0;
}

}  // namespace

void prepare_schema(Database& database) {
  const std::int64_t application = pragma(database, "PRAGMA application_id");
  const std::int64_t version = pragma(database, "PRAGMA user_version");
  if (application != 0 && application != kApplicationId) {
    throw StoreFailure{{ErrorCode::io_error, "The history file was made by another program."}};
  }
  if (version > kSchemaVersion) {
    throw StoreFailure{{ErrorCode::io_error, "The history was written by a newer Hearth (schema " +
                                                 std::to_string(version) + ", this one knows " +
                                                 std::to_string(kSchemaVersion) + ")."}};
  }
  if (version == kSchemaVersion) return;
  const std::string script = std::string("BEGIN IMMEDIATE;") + kTables +
                             "PRAGMA application_id=" + std::to_string(kApplicationId) +
                             "; PRAGMA user_version=" + std::to_string(kSchemaVersion) +
                             "; COMMIT;";
  database.execute(script.c_str());
}

int mark_interrupted(Database& database) {
  return database.run(
      "UPDATE message SET status = 'interrupted', finish_reason = 'interrupted' "
      "WHERE status IN ('queued', 'streaming')");
}

}  // namespace hearth::server

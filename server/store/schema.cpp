#include "server/store/schema.h"

#include <string>
#include <system_error>
#include <utility>

#include "server/store/words.h"

namespace hearth::server {
namespace {

constexpr std::int64_t kApplicationId = 0x48727468;  // "Hrth"

// reliability §3.2 and DESIGN §10, "Ids and rows". Each key begins with its owner, so that a query
// without one stands out. This is schema 1; what came later is in those behind it.
constexpr const char* kSchema1 = R"sql(
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

// ids: the reply's tokens, four bytes each. deleted_ms: out of sight, and erased after a while.
// message_fts: rowid = message.rid; its words are made by words.h, each with its owner, so the
// tokenizer has nothing to decide. No trigger keeps it: with trusted_schema=OFF none may write to a
// virtual table, so whoever deletes messages deletes their words first (rows_tree.cpp).
constexpr const char* kSchema2 = R"sql(
ALTER TABLE message ADD COLUMN ids BLOB NOT NULL DEFAULT x'';
ALTER TABLE conversation ADD COLUMN deleted_ms INTEGER;
ALTER TABLE credential ADD COLUMN label TEXT NOT NULL DEFAULT '';

DROP INDEX conversation_by_time;
CREATE INDEX conversation_by_time ON conversation(user, pinned, updated_ms, id) WHERE deleted_ms IS NULL;
CREATE INDEX conversation_deleted ON conversation(deleted_ms) WHERE deleted_ms IS NOT NULL;

CREATE VIRTUAL TABLE message_fts USING fts5(words, tokenize = 'ascii');
)sql";

// user.bytes: what its messages count against its quota, 512 for each beside the text (cursor.h);
// kept by triggers, so that no query can forget it.
constexpr const char* kSchema3 = R"sql(
ALTER TABLE user ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE user SET bytes = (SELECT coalesce(sum(length(CAST(content AS BLOB)) + 512), 0)
                         FROM message WHERE message.user = user.id);

CREATE TRIGGER message_added AFTER INSERT ON message BEGIN
  UPDATE user SET bytes = bytes + length(CAST(NEW.content AS BLOB)) + 512 WHERE id = NEW.user;
END;
CREATE TRIGGER message_changed AFTER UPDATE OF content ON message BEGIN
  UPDATE user SET bytes = bytes + length(CAST(NEW.content AS BLOB)) - length(CAST(OLD.content AS BLOB))
  WHERE id = NEW.user;
END;
CREATE TRIGGER message_removed AFTER DELETE ON message BEGIN
  UPDATE user SET bytes = bytes - length(CAST(OLD.content AS BLOB)) - 512 WHERE id = OLD.user;
END;
)sql";

std::int64_t pragma(Database& database, const char* sql) {
  Statement statement = database.query(sql);
  return statement.step() ? statement.integer(0) : 0;
}

[[noreturn]] void refuse(std::string detail) {
  throw StoreFailure{{ErrorCode::io_error, std::move(detail)}};
}

void check_origin(std::int64_t application, std::int64_t version) {
  if (application != 0 && application != kApplicationId) {
    refuse("The history file was made by another program.");
  }
  if (version > kSchemaVersion) {
    refuse("The history was written by a newer Hearth (schema " + std::to_string(version) +
           ", this one knows " + std::to_string(kSchemaVersion) +
           "): start that one, or name another --data-dir.");
  }
}

void index_everything(Database& database) {
  Statement row = database.query("SELECT rid, user, content FROM message");
  while (row.step()) {
    database.run("INSERT INTO message_fts(rowid, words) VALUES (?, ?)", row.integer(0),
                 index_text(row.id<UserId>(1), row.text(2)));
  }
}

void make_backup(Database& database, const std::filesystem::path& file, std::int64_t version) {
  const std::filesystem::path copy = backup_of_schema(file, version);
  std::error_code ec;
  std::filesystem::remove(copy, ec);
  try {
    database.run("VACUUM INTO ?", copy.string());
  } catch (const StoreFailure&) {
    std::filesystem::remove(copy, ec);
    refuse(
        "The history is of an older Hearth and has to be changed, but there is no room for a "
        "copy of it first: free some space.");
  }
  std::filesystem::permissions(
      copy, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, ec);
}

void migrate(Database& database, std::int64_t version) {
  database.execute("BEGIN IMMEDIATE");
  if (version < 1) database.execute(kSchema1);
  if (version < 2) {
    database.execute(kSchema2);
    index_everything(database);
  }
  if (version < 3) database.execute(kSchema3);
  const std::string script = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                             "; PRAGMA user_version=" + std::to_string(kSchemaVersion) +
                             "; COMMIT;";
  database.execute(script.c_str());
}

}  // namespace

std::filesystem::path backup_of_schema(const std::filesystem::path& file, std::int64_t version) {
  return file.string() + ".schema" + std::to_string(version);
}

void prepare_schema(Database& database, const std::filesystem::path& file) {
  const std::int64_t application = pragma(database, "PRAGMA application_id");
  const std::int64_t version = pragma(database, "PRAGMA user_version");
  check_origin(application, version);
  if (version == kSchemaVersion) return;
  if (version > 0) make_backup(database, file, version);
  migrate(database, version);
}

// Their last checkpoint is searched from now on.
int mark_interrupted(Database& database) {
  {
    Statement row = database.query(
        "SELECT rid, user, content FROM message WHERE status IN ('queued', 'streaming')");
    while (row.step()) {
      index_message(database, row.integer(0), row.id<UserId>(1), row.text(2));
    }
  }
  return database.run(
      "UPDATE message SET status = 'interrupted', finish_reason = 'interrupted' "
      "WHERE status IN ('queued', 'streaming')");
}

void index_message(Database& database, std::int64_t rid, const UserId& owner,
                   const std::string& content) {
  database.run("DELETE FROM message_fts WHERE rowid = ?", rid);
  database.run("INSERT INTO message_fts(rowid, words) VALUES (?, ?)", rid,
               index_text(owner, content));
}

}  // namespace hearth::server

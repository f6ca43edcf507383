// Users' credentials, and the end of a user.
#include "server/session/history_store.h"
#include "server/store/row_values.h"
#include "server/store/rows.h"

namespace hearth::server::rows {

Result<void> add_credential(Database& db, const UserId& owner, const Credential& credential) {
  {
    Statement user = db.query("SELECT 1 FROM user WHERE id = ?", owner);
    if (!user.step()) return not_found();
  }
  if (credential.kind == CredentialKind::recovery) {
    db.run("DELETE FROM credential WHERE user = ? AND kind = 'recovery'", owner);
  }
  if (credential.kind == CredentialKind::cookie) {
    db.run(
        "DELETE FROM credential WHERE hash IN (SELECT hash FROM credential WHERE user = ? AND "
        "kind = 'cookie' ORDER BY created_ms DESC, hash LIMIT -1 OFFSET ?)",
        owner, std::int64_t{HistoryStore::kCookiesMax} - 1);
  }
  if (credential.kind == CredentialKind::key) {
    Statement count =
        db.query("SELECT count(*) FROM credential WHERE user = ? AND kind = 'key'", owner);
    if (count.step() && count.integer(0) >= HistoryStore::kKeysMax) {
      return fail(ErrorCode::quota_exceeded, "You have as many keys as there may be; remove one.");
    }
  }
  db.run(
      "INSERT INTO credential(hash, user, kind, scopes, label, created_ms, expires_ms) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      credential.hash, owner, to_string(credential.kind), credential.scopes, credential.label,
      credential.created_ms, credential.expires_ms);
  return {};
}

Result<std::vector<Credential>> list_keys(Database& db, const UserId& owner) {
  Statement row = db.query(
      "SELECT hash, label, scopes, created_ms, expires_ms FROM credential "
      "WHERE user = ? AND kind = 'key' ORDER BY created_ms, hash",
      owner);
  std::vector<Credential> keys;
  while (row.step()) {
    Credential key{.kind = CredentialKind::key,
                   .label = row.text(1),
                   .scopes = row.text(2),
                   .created_ms = row.integer(3)};
    row.copy_blob(0, key.hash);
    if (!row.is_null(4)) key.expires_ms = row.integer(4);
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<void> remove_credential(Database& db, const UserId& owner, const Sha256& hash) {
  if (db.run("DELETE FROM credential WHERE user = ? AND hash = ?", owner, hash) == 0)
    return not_found();
  return {};
}

Result<void> remove_access(Database& db, const UserId& owner) {
  if (!db.query("SELECT 1 FROM user WHERE id = ?", owner).step()) return not_found();
  db.run("DELETE FROM credential WHERE user = ? AND kind IN ('cookie', 'key')", owner);
  return {};
}

Result<void> erase_user(Database& db, const UserId& owner) {
  unindex_user(db, owner);
  if (db.run("DELETE FROM user WHERE id = ?", owner) == 0) return not_found();
  return {};
}

}  // namespace hearth::server::rows

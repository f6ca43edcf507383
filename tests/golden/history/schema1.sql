-- A history of schema 1, as the first server wrote it (server/store/schema.cpp at commit 81be268), with two people and three conversations.
BEGIN;
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

-- Ada (1): two conversations, one of them with a reply that was being written. Bo (2): one.
INSERT INTO user VALUES (x'00000000000000000000000000000001', NULL, 'guest', 'Ada', 1000);
INSERT INTO user VALUES (x'00000000000000000000000000000002', NULL, 'guest', 'Bo', 1001);
-- The cookies "ada" and "bo".
INSERT INTO credential(hash, user, kind, created_ms) VALUES
  (x'fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029', x'00000000000000000000000000000001', 'cookie', 1000),
  (x'3d099d0f13df9d0bb4427a6ce99d61b988861761e286d6e34b17d6371b46b13f', x'00000000000000000000000000000002', 'cookie', 1001);

INSERT INTO conversation VALUES
  (x'00000000000000000000000000000001', x'00000000000000000000000000000011', 'Tokens', 2, x'00000000000000000000000000000022', 0, 'Be brief.', '{"top_p":0.5}', 1000, 1002),
  (x'00000000000000000000000000000001', x'00000000000000000000000000000012', 'Cut off', 0, x'00000000000000000000000000000024', 1, '', '', 1003, 1004),
  (x'00000000000000000000000000000002', x'00000000000000000000000000000013', 'Bo''s', 0, x'00000000000000000000000000000025', 0, '', '', 1005, 1005);

INSERT INTO message(user, conversation, id, parent, role, status, content, created_ms) VALUES
  (x'00000000000000000000000000000001', x'00000000000000000000000000000011', x'00000000000000000000000000000021', NULL, 'user', 'done', 'What is a token?', 1000),
  (x'00000000000000000000000000000001', x'00000000000000000000000000000012', x'00000000000000000000000000000023', NULL, 'user', 'done', '词元', 1003),
  (x'00000000000000000000000000000002', x'00000000000000000000000000000013', x'00000000000000000000000000000025', NULL, 'user', 'done', 'mine alone', 1005);
INSERT INTO message(user, conversation, id, parent, role, status, content, created_ms, model, fingerprint, seed, tokens, finish_reason, prompt_tokens) VALUES
  (x'00000000000000000000000000000001', x'00000000000000000000000000000011', x'00000000000000000000000000000022', x'00000000000000000000000000000021', 'assistant', 'done', 'A piece of text.', 1001, 'demo', 'fp', 7, 6, 'stop', 18),
  (x'00000000000000000000000000000001', x'00000000000000000000000000000012', x'00000000000000000000000000000024', x'00000000000000000000000000000023', 'assistant', 'streaming', 'half of', 1004, 'demo', 'fp', 8, 2, NULL, 0);

INSERT INTO request VALUES (x'00000000000000000000000000000001', 'c1', x'230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5', x'00000000000000000000000000000022', 1001);
PRAGMA application_id = 1215460456;
PRAGMA user_version = 1;
COMMIT;

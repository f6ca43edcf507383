// The rows of the history, as the service sees them (DESIGN §10, "Ids and rows"). Plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/token_id.h"
#include "engine/runtime/request.h"
#include "server/session/crypto.h"
#include "server/session/ids.h"
#include "server/session/prompt_builder.h"

namespace hearth::server {

struct Conversation {
  ConversationId id{};
  std::string title{};
  std::int64_t revision = 0;        // + 1 with each overwriting operation
  std::optional<MessageId> head{};  // the leaf that was written last
  std::string system{};
  std::string params_json{};  // "" or an object: the settings used last
  bool pinned = false;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
};

// An overwriting operation: what is given is set.
struct ConversationChange {
  std::optional<std::string> title{};
  std::optional<bool> pinned{};
  std::optional<std::string> system{};
  std::optional<std::string> params_json{};
  std::optional<std::int64_t> revision{};  // when given, it must be the present one
};

enum class MessageStatus : std::uint8_t { queued, streaming, done, interrupted };

// "queued", "streaming", "done", "interrupted".
const char* to_string(MessageStatus status);

// Beside the engine's reasons: `interrupted`, when the server ended first.
enum class EndReason : std::uint8_t { stop, length, cancelled, failed, interrupted };

const char* to_string(EndReason reason);
EndReason from_engine(engine::FinishReason reason);

// What is written of a live reply.
struct ReplySoFar {
  std::string text{};
  std::vector<TokenId> ids{};  // of tokens [0, to): what chat.continue feeds again
};

struct ReplyEnd {
  EndReason reason = EndReason::failed;
  std::string text{};
  std::vector<TokenId> ids{};  // as many as tokens, or none when they are not known
  std::int64_t tokens = 0;     // completion tokens: done.to
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;
  double queue_ms = 0.0;
  double prefill_ms = 0.0;
  double decode_ms = 0.0;
  ErrorCode error_code = ErrorCode::engine_failed;  // with failed
  std::string error{};                              // one sentence, with failed
};

// A message of the tree. Fields after `created_ms` are an assistant message's.
struct Message {
  MessageId id{};
  std::optional<MessageId> parent{};
  Role role = Role::user;
  MessageStatus status = MessageStatus::done;
  std::string content{};  // of a reply: the text so far
  bool edited = false;
  std::int64_t created_ms = 0;
  std::string model{};
  std::string fingerprint{};  // of folder, dtype and decoder
  std::uint64_t seed = 0;
  std::string params_json{};
  std::vector<MessageId> dropped{};  // messages that were not in its prompt
  std::int64_t tokens = 0;           // generated so far
  std::optional<ReplyEnd> end{};     // without text (it is in content); empty while live
};

struct KnownRequest {
  Sha256 body_hash{};
  Conversation conversation{};
  Message reply{};
  std::optional<MessageId> grandparent{};  // parent of the user message
};

struct ConversationPath {
  Conversation conversation{};
  std::vector<Message> messages{};  // root … parent; empty when the parent is the root
  std::size_t num_left_out = 0;     // so many of the first have only id, parent and role
};

struct NewTurn {
  UserId owner{};
  ConversationId conversation{};
  std::optional<Conversation> new_conversation{};  // with the same id, when it does not exist yet
  std::optional<std::string> system{};             // new settings of an existing conversation
  std::optional<std::string> params_json{};
  std::optional<Message> user_message{};  // empty: regenerate, continue
  Message reply{};                        // its parent is the user message
  bool continues = false;                 // the reply's row exists and is written on
  std::string client_id{};
  Sha256 body_hash{};
  std::int64_t now_ms = 0;
};

struct FoundMessage {
  ConversationId conversation{};
  Message message{};
};

struct ConversationPage {
  std::vector<Conversation> conversations{};
  std::string next{};  // "" on the last page
};

struct SnippetPart {
  std::string text{};
  bool is_match = false;
};

// A message that has all words, or a conversation whose title has them (then without `message`).
struct SearchHit {
  Conversation conversation{};
  std::optional<MessageId> message{};
  Role role = Role::user;
  std::int64_t created_ms = 0;
  std::vector<SnippetPart> snippet{};
};

struct SearchPage {
  std::vector<SearchHit> hits{};
  std::string next{};
};

enum class CredentialKind : std::uint8_t { cookie, key, recovery };

// "cookie", "key", "recovery".
const char* to_string(CredentialKind kind);

// What a secret opens. The secret itself is kept nowhere.
struct Credential {
  Sha256 hash{};
  CredentialKind kind = CredentialKind::cookie;
  std::string label{};
  std::string scopes{};  // of a key: "chat" or "read"
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> expires_ms{};
};

// A whole conversation from a file, its messages parents first.
struct ConversationImport {
  Conversation conversation{};
  std::vector<Message> messages{};
  // Its id where it came from: if it still exists here, there is nothing to do.
  std::optional<ConversationId> original{};
};

struct ImportedConversation {
  Conversation conversation{};  // as it is now
  std::int64_t added = 0;       // messages
  bool is_new = false;          // it was not there, or was deleted
};

// What is kept of a user. Hidden conversations count in bytes only.
struct Usage {
  std::int64_t conversations = 0;
  std::int64_t messages = 0;
  std::int64_t bytes = 0;
  std::int64_t quota_bytes = 0;  // 0: none
  bool has_recovery = false;
};

// What is older goes: client ids are forgotten, hidden conversations erased, and conversations that
// are neither pinned nor being written and were not touched since.
struct PurgeBefore {
  std::int64_t requests_ms = 0;
  std::int64_t hidden_ms = 0;
  std::int64_t untouched_ms = 0;
};

struct MessagePage {
  Conversation conversation{};
  std::vector<Message> messages{};
  std::string next{};
};

}  // namespace hearth::server

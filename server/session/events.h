// The events of hearth.chat.v1 other than `delta`, one function each; server/PROTOCOL.md §3 shows
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/session/limits.h"
#include "server/session/model_info.h"
#include "server/session/protocol.h"
#include "server/session/records.h"
#include "server/session/resumed.h"
#include "server/session/user.h"

namespace hearth::server {

struct ReadyEvent {
  SessionId session{};
  SessionId epoch{};
  User user{};
  Resumed resumed{};
  std::string version{};
  bool durable = true;
  const Limits* limits = nullptr;
  const ModelStatus* model = nullptr;
};
ServerMessage ready_event(const ReadyEvent& event);

struct AcceptedEvent {
  std::string re{};
  Conversation conversation{};
  std::optional<MessageId> user_parent{};  // parent of the user message
  Message reply{};                         // its parent is the user message
  bool duplicate = false;
  std::optional<std::int64_t> continued_from{};  // of chat.continue: where it goes on
};
ServerMessage accepted_event(const AcceptedEvent& event);

// Where a waiting reply stands.
struct QueuePlace {
  std::int64_t position = 0;      // 1 is next; 0: not known yet
  std::int64_t of = 0;            // how many wait
  std::int64_t ahead_tokens = 0;  // to be computed before it begins
  std::optional<std::int64_t> eta_ms{};
};
ServerMessage queued_event(const MessageId& stream, const QueuePlace& place);
ServerMessage started_event(const MessageId& stream, const std::string& model,
                            std::int64_t prompt_tokens);
ServerMessage paused_event(const MessageId& stream, std::int64_t to);
ServerMessage snapshot_event(const MessageId& stream, std::int64_t to, const std::string& text,
                             const char* state);
// `re`: the chat.cancel that it answers, or "".
ServerMessage done_event(const MessageId& stream, const ReplyEnd& end, bool stored,
                         const std::string& re = {});
// `what`: "updated", "messages", "deleted", "restored"; without a conversation: several.
ServerMessage changed_event(const std::optional<ConversationId>& conversation, const char* what,
                            nlohmann::ordered_json summary = nullptr);
ServerMessage result_event(const std::string& re, nlohmann::ordered_json data);
ServerMessage error_event(const std::string& re, const WireError& error);
ServerMessage model_event(const ModelStatus& status, std::int64_t max_tokens_limit);
ServerMessage reconnect_event(std::int64_t after_ms, const char* reason);
ServerMessage pong_event(const std::string& t);

// Parts of `done` that history.get shows too.
nlohmann::ordered_json usage_json(const ReplyEnd& end);
nlohmann::ordered_json timings_json(const ReplyEnd& end);

// stage, percent, eta_ms and stages, while the model loads.
void add_progress(nlohmann::ordered_json& body, const ModelStatus& status);

// An entry of `ready.models`.
nlohmann::ordered_json to_json(const ModelStatus& status, std::int64_t max_tokens_limit);

}  // namespace hearth::server

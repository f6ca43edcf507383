// One chat.create or chat.continue on its way to `accepted`: what is known of it so far.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/sampling/sampling_params.h"
#include "server/session/admission.h"
#include "server/session/connection.h"
#include "server/session/model_info.h"
#include "server/session/prompt_builder.h"
#include "server/session/protocol.h"
#include "server/session/records.h"
#include "server/session/trace.h"

namespace hearth::server {

// Who waits for the answer: the asker, and whoever sent the same request again meanwhile.
struct Asker {
  std::weak_ptr<Connection> connection;
  std::string re;
};

// Filled in from above to below. Owned by TurnStarter and by the callbacks of the step it is at.
struct PendingTurn {
  UserId owner{};
  std::string network{};  // the address they come from; empty: this machine, or not known
  std::vector<Asker> askers{};
  ChatCreate message{};
  bool is_dropped = false;  // its conversation, or all of its owner's, was deleted meanwhile

  Admission::Ticket ticket{};
  std::shared_ptr<const ModelInfo> model{};

  Conversation conversation{};
  std::vector<Message> path{};            // … parent: what may fit into the prompt
  std::vector<MessageId> left_out{};      // what comes before, and cannot
  std::optional<MessageId> parent{};      // of the user's message, or what is answered or continued
  std::optional<Message> user_message{};  // empty: regenerate, continue
  std::optional<Message> continued{};     // the reply that is written on; not in `path`
  std::vector<TokenId> begun{};           // its tokens, if they are known
  std::vector<TracedToken> given{};       // by a branch
  double decode_ms_before = 0.0;          // of what is continued; 0: not known

  GenerationParams params{};
  std::string params_json{};
  engine::SamplingParams sampling{};
  Prompt prompt{};
  Message reply{};

  std::optional<std::int64_t> continued_from() const {
    if (!continued) return std::nullopt;
    return static_cast<std::int64_t>(prompt.begun.size());
  }
  std::optional<MessageId> user_parent() const {
    return user_message ? parent : path.back().parent;
  }
};

using TurnRef = std::shared_ptr<PendingTurn>;

inline WireError turn_error(ErrorCode code, std::string detail, std::string param = {}) {
  return {.code = code, .detail = std::move(detail), .param = std::move(param)};
}

}  // namespace hearth::server

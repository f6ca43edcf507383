// History → messages → chat template → token ids, cut to what the context holds. Pure; runs on a
// text worker.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "engine/base/error.h"
#include "engine/base/token_id.h"
#include "server/session/ids.h"
#include "server/session/model_info.h"

namespace hearth::server {

enum class Role : std::uint8_t { system, user, assistant };

// "system", "user", "assistant".
const char* to_string(Role role);

struct Turn {
  MessageId id{};  // zero where there is none (HTTP requests)
  Role role = Role::user;
  std::string content{};
};

inline constexpr std::int64_t kReplyRoom = 16;

struct PromptJob {
  std::shared_ptr<const ModelInfo> model{};  // not null, with tokenizer and template
  std::string system{};                      // empty: none of ours (the template may have its own)
  std::vector<Turn> turns{};                 // oldest first; the last one is the message to answer
  std::optional<std::int64_t> max_tokens{};  // as asked; empty: the default
  std::int64_t max_tokens_limit = 4096;      // never more than this
  std::int64_t reply_room = kReplyRoom;      // tokens that are left for the reply at least
  // The operator's own instructions: the same for everybody, so their tokens may be shared.
  bool has_shared_system = false;
  // chat.continue: how the reply begins that the last turn asks for. Its tokens, or its text where
  // they are not known.
  std::vector<TokenId> begun{};
  std::string begun_text{};
  bool thinks = true;     // false: the template, if it can, asks for an answer without thoughts
  bool measures = false;  // context.measure: fills in the counts of texts and of the dropped
  std::string content{};
};

// What leaving out one exchange saves: its messages and what the template puts around them.
struct ExchangeCost {
  MessageId question{};
  std::int64_t tokens = 0;
};

struct Prompt {
  std::vector<TokenId> ids{};        // not empty; ids.size() + max_tokens ≤ context_length
  std::int64_t max_tokens = 0;       // > 0
  std::vector<MessageId> dropped{};  // turns the model does not see, oldest first
  std::size_t num_shared = 0;        // leading ids that come from the operator alone
  std::vector<TokenId> begun{};      // follow `ids`; they count in max_tokens
  std::int64_t content_tokens = 0;
  std::int64_t system_tokens = 0;  // of the instructions' own text
  std::int64_t dropped_tokens = 0;
  std::vector<ExchangeCost> costs{};  // of the oldest dropped, at most kCostsMax
};

struct PromptError {
  Error error{};            // context_length_exceeded, template_*, internal
  std::int64_t needed = 0;  // with context_length_exceeded: tokens of the smallest prompt …
  std::int64_t limit = 0;   // … and the context's
  std::int64_t content_tokens = 0;
};

// While the prompt leaves no room for reply_room (or max_tokens, if less is asked), whole
// exchanges are dropped from the front: the kept turns begin with a user turn, the system prompt
// stays. If the last turn alone does not fit: context_length_exceeded. max_tokens: as asked, else
// the folder's, else 4096; cut to max_tokens_limit and to the room that is left; then what had
// begun is added.
tl::expected<Prompt, PromptError> build_prompt(const PromptJob& job);

inline constexpr std::size_t kCostsMax = 8;  // each is a prompt rendered once more

}  // namespace hearth::server

#include "server/session/turn_context.h"

#include <algorithm>
#include <utility>

#include "engine/sampling/sampling_overrides.h"
#include "engine/text/tokenizer.h"
#include "server/session/prompt_history.h"
#include "server/session/stored_params.h"
#include "server/session/title.h"

namespace hearth::server {
namespace {

// A reply whose end could not be stored yet is whole in memory only.
void take_from_memory(Replies& replies, const UserId& owner, std::vector<Message>& path) {
  for (Message& row : path) {
    if (const Reply* const reply = replies.find(owner, row.id)) row = reply->message();
  }
}

}  // namespace

TurnContext::TurnContext(Ports ports, const ServiceLimits& limits, Ready ready)
    : ports_(std::move(ports)), limits_(limits), ready_(std::move(ready)) {}

void TurnContext::prepare(const TurnRef& turn) {
  const ChatCreate& message = turn->message;
  if (!message.conversation) {
    const std::int64_t now = ports_.clock.unix_ms();
    turn->conversation = {.id = new_id<ConversationId>(ports_.random),
                          .title = title_from(message.content),
                          .head = {},
                          .system = message.system.value_or(""),
                          .params_json = message.params_json,
                          .created_ms = now,
                          .updated_ms = now};
    return choose_settings(turn);
  }
  ports_.store.load_path(turn->owner, *message.conversation, message.parent,
                         history_bytes_max(turn->model->context_length),
                         lifetime_.guard([this, turn](Result<ConversationPath> path) {
                           if (!path) {
                             refuse(turn, WireError::of(path.error()));
                           } else {
                             check_parent(turn, std::move(*path));
                           }
                         }));
}

void TurnContext::check_parent(const TurnRef& turn, ConversationPath path) {
  const std::optional<MessageId> parent =
      path.messages.empty() ? std::nullopt : std::optional(path.messages.back().id);
  turn->left_out = take_left_out(path);
  take_from_memory(ports_.replies, turn->owner, path.messages);
  turn->conversation = std::move(path.conversation);
  turn->path = std::move(path.messages);
  turn->parent = parent;
  if (turn->message.continues) return check_continued(turn);
  const Role expected = turn->message.regenerate ? Role::user : Role::assistant;
  if (!turn->path.empty() && turn->path.back().role != expected) {
    return refuse(turn, turn_error(ErrorCode::invalid_parameter,
                                   turn->message.regenerate ? "parent must be a message of yours."
                                                            : "parent must be a reply.",
                                   "parent"));
  }
  if (parent && ports_.replies.is_unfinished(turn->owner, *parent)) {
    return refuse(turn, turn_error(ErrorCode::conflict,
                                   "The reply to continue from is still being written.", "parent"));
  }
  if (turn->message.system) turn->conversation.system = *turn->message.system;
  if (turn->message.branch) {
    load_branch(turn);
  } else {
    choose_settings(turn);
  }
}

// The same tokens are fed again behind the same prompt, so it goes on as if it had never stopped.
void TurnContext::check_continued(const TurnRef& turn) {
  if (turn->path.size() < 2 || turn->path.back().role != Role::assistant) {
    return refuse(turn,
                  turn_error(ErrorCode::invalid_parameter, "message must be a reply.", "message"));
  }
  turn->continued = std::move(turn->path.back());
  turn->path.pop_back();
  const Message& row = *turn->continued;
  const bool is_live = ports_.replies.is_unfinished(turn->owner, row.id) || !row.end;
  const bool is_whole = row.end && row.end->reason == EndReason::stop && !row.edited;
  if (is_live || is_whole) {
    return refuse(
        turn, turn_error(ErrorCode::conflict,
                         is_live ? "The reply is still being written." : "The reply is complete.",
                         "message"));
  }
  ports_.store.reply_ids(turn->owner, row.id,
                         lifetime_.guard([this, turn](Result<std::vector<TokenId>> ids) {
                           if (!ids) return refuse(turn, WireError::of(ids.error()));
                           turn->begun = std::move(*ids);
                           choose_settings(turn);
                         }));
}

void TurnContext::load_branch(const TurnRef& turn) {
  const BranchWish& wish = *turn->message.branch;
  if (wish.token && !is_token(*turn->model->tokenizer, *wish.token)) {
    return refuse(turn, turn_error(ErrorCode::invalid_parameter,
                                   "The vocabulary has no such token.", "branch.token"));
  }
  ports_.traces.given(turn->owner, turn->path.back().id, wish,
                      lifetime_.guard([this, turn](Result<std::vector<TracedToken>> given) {
                        if (given) {
                          turn->given = std::move(*given);
                          return choose_settings(turn);
                        }
                        WireError error = WireError::of(given.error());
                        error.param =
                            error.code == ErrorCode::invalid_parameter ? "branch.at" : "branch";
                        refuse(turn, error);
                      }));
}

void TurnContext::choose_settings(const TurnRef& turn) {
  const ChatCreate& message = turn->message;
  turn->params_json = message.params    ? message.params_json
                      : turn->continued ? turn->continued->params_json
                                        : turn->conversation.params_json;
  turn->params =
      message.params ? *message.params : stored_params(turn->params_json, limits_.max_tokens);
  if (!turn->continued) turn->conversation.params_json = turn->params_json;
  auto sampling = engine::resolve(turn->params.sampling, turn->model->defaults);
  if (!sampling) {
    return refuse(turn, turn_error(sampling.error().code, sampling.error().detail, "params"));
  }
  turn->sampling = std::move(*sampling);
  if (!message.regenerate && !turn->continued) {
    turn->user_message = Message{.id = new_id<MessageId>(ports_.random),
                                 .parent = turn->parent,
                                 .role = Role::user,
                                 .content = message.content};
  }
  build_prompt(turn);
}

void TurnContext::build_prompt(const TurnRef& turn) {
  PromptJob job{.model = turn->model,
                .system = turn->conversation.system,
                .turns = {},
                .max_tokens = turn->params.max_tokens,
                .max_tokens_limit = limits_.max_tokens,
                .reply_room = limits_.reply_room,
                .begun = turn->begun,
                .begun_text = turn->continued ? turn->continued->content : std::string(),
                .thinks = turn->params.thinking_budget != 0};
  for (const Message& past : turn->path) job.turns.push_back({past.id, past.role, past.content});
  if (turn->user_message) {
    job.turns.push_back({turn->user_message->id, Role::user, turn->user_message->content});
  }
  ports_.text.build(std::move(job),
                    lifetime_.guard([this, turn](tl::expected<Prompt, PromptError> prompt) {
                      if (prompt) {
                        turn->prompt = std::move(*prompt);
                        turn->prompt.dropped.insert(turn->prompt.dropped.begin(),
                                                    turn->left_out.begin(), turn->left_out.end());
                        return check_branch(turn);
                      }
                      WireError error = WireError::of(prompt.error().error);
                      if (error.code == ErrorCode::context_length_exceeded) {
                        error.needed = prompt.error().needed;
                        error.limit = prompt.error().limit;
                      }
                      refuse(turn, error);
                    }));
}

// A reply must have room for one token of its own.
void TurnContext::check_branch(const TurnRef& turn) {
  if (std::cmp_less(turn->given.size(), turn->prompt.max_tokens)) {
    return ready_(turn, std::nullopt);
  }
  refuse(turn, turn_error(ErrorCode::invalid_parameter,
                          "This reply may have " + std::to_string(turn->prompt.max_tokens) +
                              " tokens, those that it takes over included.",
                          "branch.at"));
}

}  // namespace hearth::server

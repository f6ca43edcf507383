#include "server/session/turn_starter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/sampling/sampling_overrides.h"
#include "engine/text/tokenizer.h"
#include "server/session/conversation_json.h"
#include "server/session/engine_identity.h"
#include "server/session/events.h"
#include "server/session/strict_json.h"
#include "server/session/thought.h"
#include "server/session/title.h"

namespace hearth::server {
namespace {

// Who waits for the answer: the asker, and whoever sent the same request again meanwhile.
struct Asker {
  std::weak_ptr<Connection> connection;
  std::string re;
};

// Settings stored with a conversation by an older server may no longer be valid: then the model's
// defaults hold.
GenerationParams stored_params(const std::string& text, std::int64_t max_tokens_limit) {
  const auto parsed = parse_strict_json(text);
  if (text.empty() || !parsed) return {};
  auto params = parse_generation_params(*parsed, "params.", max_tokens_limit);
  if (!params) return {};
  params->model.reset();
  return std::move(*params);
}

WireError of(ErrorCode code, std::string detail, std::string param = {}) {
  return {.code = code, .detail = std::move(detail), .param = std::move(param)};
}

std::unique_ptr<ReplyTrace> make_trace(const ChatCreate& message, bool is_inspected,
                                       const engine::SamplingParams& sampling,
                                       const std::vector<TokenId>& prompt_ids,
                                       std::vector<TracedToken> given) {
  TraceHead head{
      .is_inspected = is_inspected, .is_stepped = message.step, .branch = {}, .sampling = sampling};
  if (message.branch) head.branch = BranchPoint{message.branch->message, message.branch->at};
  if (!is_inspected) {
    for (TracedToken& token : given) token.candidates.reset();
  }
  return std::make_unique<ReplyTrace>(
      std::move(head), is_inspected ? prompt_ids : std::vector<TokenId>{}, std::move(given));
}

engine::ThoughtRule thoughts_of(const ModelInfo& model, const std::vector<TokenId>& prompt,
                                const GenerationParams& params) {
  engine::ThoughtRule rule = model.thoughts;
  rule.begins_open = opens_thought(prompt, rule, *model.tokenizer);
  rule.budget = params.thinking_budget.value_or(-1);
  return rule;
}

void add_trace_fields(const ReplyTrace& trace, ServerMessage& accepted) {
  const TraceHead& head = trace.head();
  if (head.is_inspected) accepted.body["inspect"] = true;
  if (head.is_stepped) accepted.body["step"] = true;
  if (!head.branch) return;
  accepted.body["branch"] = {{"message", to_string(head.branch->message)}, {"at", head.branch->at}};
}

}  // namespace

struct TurnStarter::Turn {
  UserId owner;
  std::vector<Asker> askers;
  ChatCreate message;
  Admission::Ticket ticket;
  std::shared_ptr<const ModelInfo> model;
  Conversation conversation;
  std::vector<Message> path;            // root … parent
  std::optional<Message> user_message;  // empty: regenerate, continue
  std::optional<Message> continued;     // the reply that is written on; not in `path`
  std::vector<TokenId> begun;           // its tokens, if they are known
  GenerationParams params;
  std::string params_json;
  engine::SamplingParams sampling;
  Message reply;
  Prompt prompt;
  std::vector<TracedToken> given;  // by a branch

  std::optional<std::int64_t> continued_from() const {
    if (!continued) return std::nullopt;
    return static_cast<std::int64_t>(prompt.begun.size());
  }
  std::optional<MessageId> user_parent() const {
    return user_message ? user_message->parent : path.back().parent;
  }
};

// The row of a reply that is written on: the same message, with what holds from now on.
void TurnStarter::write_on(Turn& turn) {
  Message row = std::move(*turn.continued);
  row.status = MessageStatus::queued;
  row.end.reset();
  row.tokens = static_cast<std::int64_t>(turn.prompt.begun.size());
  row.model = turn.reply.model;
  row.fingerprint = turn.reply.fingerprint;
  row.params_json = turn.reply.params_json;
  row.dropped = turn.reply.dropped;
  if (turn.params.seed) row.seed = *turn.params.seed;
  turn.reply = std::move(row);
  for (const TokenId id : turn.prompt.begun) turn.given.push_back({.record = {.id = id}});
}

TurnStarter::TurnStarter(TurnPorts ports, const ServiceLimits& limits)
    : ports_(std::move(ports)), limits_(limits) {}

TurnStarter::Turn* TurnStarter::in_flight(const UserId& owner, const std::string& client_id) {
  const auto found = std::find_if(in_flight_.begin(), in_flight_.end(), [&](const TurnRef& turn) {
    return turn->owner == owner && turn->message.id == client_id;
  });
  return found == in_flight_.end() ? nullptr : found->get();
}

void TurnStarter::forget(const TurnRef& turn) { std::erase(in_flight_, turn); }

void TurnStarter::refuse(const TurnRef& turn, const WireError& error) {
  forget(turn);
  for (const Asker& asker : turn->askers) {
    if (const auto connection = asker.connection.lock()) connection->send_error(asker.re, error);
  }
}

void TurnStarter::create(const std::shared_ptr<Connection>& asker, ChatCreate message) {
  const UserId owner = asker->user()->id;
  std::string re = message.id;
  if (Turn* const same = in_flight(owner, message.id)) {
    if (same->message.body_hash == message.body_hash) {
      same->askers.push_back({asker, std::move(re)});
    } else {
      asker->send_error(
          re, of(ErrorCode::idempotency_conflict, "This id was used for another message.", "id"));
    }
    return;
  }
  const auto num_preparing =
      std::count_if(in_flight_.begin(), in_flight_.end(),
                    [&](const TurnRef& turn) { return turn->owner == owner; });
  if (num_preparing >= limits_.preparing_per_user) {
    asker->send_error(re, of(ErrorCode::busy, "Your other messages are still being accepted."));
    return;
  }
  auto turn = std::make_shared<Turn>();
  turn->owner = owner;
  turn->askers.push_back({asker, std::move(re)});
  turn->message = std::move(message);
  in_flight_.push_back(turn);
  ports_.store.find_request(
      owner, turn->message.id,
      lifetime_.guard([this, turn](const Result<std::optional<KnownRequest>>& known) {
        if (!known) {
          refuse(turn, WireError::of(known.error()));
        } else if (*known) {
          answer_known(turn, **known);
        } else {
          admit(turn);
        }
      }));
}

void TurnStarter::answer_known(const TurnRef& turn, const KnownRequest& known) {
  if (known.body_hash != turn->message.body_hash) {
    refuse(turn,
           of(ErrorCode::idempotency_conflict, "This id was used for another message.", "id"));
    return;
  }
  forget(turn);
  for (const Asker& asker : turn->askers) {
    const auto connection = asker.connection.lock();
    if (!connection) continue;
    connection->send(
        accepted_event({asker.re, known.conversation, known.grandparent, known.reply, true}));
    if (Reply* const reply = ports_.replies.find(turn->owner, known.reply.id)) {
      reply->watch(connection, 0);
    } else {
      send_ended(*connection, known.reply);
    }
  }
}

void TurnStarter::admit(const TurnRef& turn) {
  const ModelStatus& model = ports_.model;
  if (model.state == ModelState::failed) {
    refuse(turn,
           of(ErrorCode::model_failed, "The model could not be loaded; the operator has to act."));
    return;
  }
  if (model.state == ModelState::loading) {
    refuse(turn, {.code = ErrorCode::model_loading,
                  .detail = "The model is loading.",
                  .retry_after_ms = model.eta_ms.value_or(1000)});
    return;
  }
  const auto& params = turn->message.params;
  if (params && params->model && *params->model != model.id) {
    refuse(turn,
           of(ErrorCode::model_not_found, "This server serves no such model.", "params.model"));
    return;
  }
  auto ticket = ports_.admission.enter(turn->owner);
  if (!ticket) {
    WireError error = WireError::of(ticket.error());
    error.retry_after_ms = 2000;
    refuse(turn, error);
    return;
  }
  turn->ticket = std::move(*ticket);
  turn->model = model.info;
  load_history(turn);
}

void TurnStarter::load_history(const TurnRef& turn) {
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
    build_prompt(turn);
    return;
  }
  ports_.store.load_path(turn->owner, *message.conversation, message.parent,
                         lifetime_.guard([this, turn](Result<ConversationPath> path) {
                           if (!path) {
                             refuse(turn, WireError::of(path.error()));
                           } else {
                             check_parent(turn, std::move(*path));
                           }
                         }));
}

void TurnStarter::check_parent(const TurnRef& turn, ConversationPath path) {
  turn->conversation = std::move(path.conversation);
  turn->path = std::move(path.messages);
  if (turn->message.continues) return check_continued(turn);
  const Role expected = turn->message.regenerate ? Role::user : Role::assistant;
  if (!turn->path.empty() && turn->path.back().role != expected) {
    refuse(turn, of(ErrorCode::invalid_parameter,
                    turn->message.regenerate ? "parent must be a message of yours."
                                             : "parent must be a reply.",
                    "parent"));
    return;
  }
  if (!turn->path.empty() && ports_.replies.is_live(turn->owner, turn->path.back().id)) {
    refuse(turn,
           of(ErrorCode::conflict, "The reply to continue from is still being written.", "parent"));
    return;
  }
  if (turn->message.system) turn->conversation.system = *turn->message.system;
  if (turn->message.branch) {
    load_branch(turn);
  } else {
    build_prompt(turn);
  }
}

// The same tokens are fed again behind the same prompt, so it goes on as if it had never stopped.
void TurnStarter::check_continued(const TurnRef& turn) {
  if (turn->path.size() < 2 || turn->path.back().role != Role::assistant) {
    return refuse(turn, of(ErrorCode::invalid_parameter, "message must be a reply.", "message"));
  }
  turn->continued = std::move(turn->path.back());
  turn->path.pop_back();
  const Message& row = *turn->continued;
  const bool is_live = ports_.replies.is_live(turn->owner, row.id) || !row.end;
  const bool is_whole = row.end && row.end->reason == EndReason::stop && !row.edited;
  if (is_live || is_whole) {
    return refuse(turn, of(ErrorCode::conflict,
                           is_live ? "The reply is still being written." : "The reply is complete.",
                           "message"));
  }
  ports_.store.reply_ids(turn->owner, row.id,
                         lifetime_.guard([this, turn](Result<std::vector<TokenId>> ids) {
                           if (!ids) return refuse(turn, WireError::of(ids.error()));
                           turn->begun = std::move(*ids);
                           build_prompt(turn);
                         }));
}

void TurnStarter::load_branch(const TurnRef& turn) {
  const BranchWish& wish = *turn->message.branch;
  if (wish.token && !is_token(*turn->model->tokenizer, *wish.token)) {
    return refuse(turn, of(ErrorCode::invalid_parameter, "The vocabulary has no such token.",
                           "branch.token"));
  }
  ports_.traces.given(turn->owner, turn->path.back().id, wish,
                      lifetime_.guard([this, turn](Result<std::vector<TracedToken>> given) {
                        if (given) {
                          turn->given = std::move(*given);
                          build_prompt(turn);
                          return;
                        }
                        WireError error = WireError::of(given.error());
                        error.param =
                            error.code == ErrorCode::invalid_parameter ? "branch.at" : "branch";
                        refuse(turn, error);
                      }));
}

// A reply must have room for one token of its own.
void TurnStarter::check_branch(const TurnRef& turn, Prompt prompt) {
  if (std::cmp_less(turn->given.size(), prompt.max_tokens)) {
    return store_rows(turn, std::move(prompt));
  }
  refuse(turn, of(ErrorCode::invalid_parameter,
                  "This reply may have " + std::to_string(prompt.max_tokens) +
                      " tokens, those that it takes over included.",
                  "branch.at"));
}

void TurnStarter::build_prompt(const TurnRef& turn) {
  const ChatCreate& message = turn->message;
  turn->params_json = message.params    ? message.params_json
                      : turn->continued ? turn->continued->params_json
                                        : turn->conversation.params_json;
  turn->params =
      message.params ? *message.params : stored_params(turn->params_json, limits_.max_tokens);
  if (!turn->continued) turn->conversation.params_json = turn->params_json;
  auto sampling = engine::resolve(turn->params.sampling, turn->model->defaults);
  if (!sampling) {
    refuse(turn, of(sampling.error().code, sampling.error().detail, "params"));
    return;
  }
  turn->sampling = std::move(*sampling);
  if (!message.regenerate && !turn->continued) {
    turn->user_message = Message{.id = new_id<MessageId>(ports_.random),
                                 .parent = {},
                                 .role = Role::user,
                                 .content = message.content};
    if (!turn->path.empty()) turn->user_message->parent = turn->path.back().id;
  }
  PromptJob job{.model = turn->model,
                .system = turn->conversation.system,
                .turns = {},
                .max_tokens = turn->params.max_tokens,
                .max_tokens_limit = limits_.max_tokens,
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
                        check_branch(turn, std::move(*prompt));
                        return;
                      }
                      WireError error = WireError::of(prompt.error().error);
                      if (error.code == ErrorCode::context_length_exceeded) {
                        error.needed = prompt.error().needed;
                        error.limit = prompt.error().limit;
                      }
                      refuse(turn, error);
                    }));
}

void TurnStarter::store_rows(const TurnRef& turn, Prompt prompt) {
  const std::int64_t now = ports_.clock.unix_ms();
  turn->prompt = std::move(prompt);
  turn->reply =
      Message{.id = new_id<MessageId>(ports_.random),
              .parent = turn->user_message ? turn->user_message->id : turn->path.back().id,
              .role = Role::assistant,
              .status = MessageStatus::queued,
              .content = {},
              .created_ms = now,
              .model = turn->model->id,
              .fingerprint = turn->model->fingerprint,
              .seed = turn->params.seed.value_or(draw_seed(ports_.random)),
              .params_json = turn->params_json,
              .dropped = turn->prompt.dropped,
              .end = {}};
  if (turn->continued) write_on(*turn);
  if (turn->user_message) turn->user_message->created_ms = now;
  turn->conversation.head = turn->reply.id;
  turn->conversation.updated_ms = now;
  NewTurn rows{.owner = turn->owner,
               .conversation = turn->conversation.id,
               .new_conversation = {},
               .system = turn->message.system,
               .params_json = turn->continued ? std::nullopt : std::optional(turn->params_json),
               .user_message = turn->user_message,
               .reply = turn->reply,
               .continues = turn->continued.has_value(),
               .client_id = turn->message.id,
               .body_hash = turn->message.body_hash,
               .now_ms = now};
  if (!turn->message.conversation) rows.new_conversation = turn->conversation;
  ports_.store.begin_turn(std::move(rows),
                          lifetime_.guard([this, turn](const Result<void>& result) {
                            if (result) {
                              begin(turn);
                            } else {
                              refuse(turn, WireError::of(result.error()));
                            }
                          }));
}

void TurnStarter::begin(const TurnRef& turn) {
  forget(turn);
  const EngineIdentity identity = engine_identity(turn->owner);
  engine::GenerationRequest request;
  request.id = ports_.next_request_id();
  request.user = identity.user;
  request.cache_salt = identity.cache_salt;
  request.prompt_ids = std::move(turn->prompt.ids);
  request.num_shared_prefix = turn->prompt.num_shared;
  request.max_tokens = turn->prompt.max_tokens;
  request.stop_ids = turn->model->eos_ids;
  request.sampling = turn->sampling;
  request.seed = turn->reply.seed;
  const bool is_inspected =
      turn->message.inspect && ports_.replies.inspected() < limits_.inspected_total;
  auto trace = make_trace(turn->message, is_inspected, turn->sampling, request.prompt_ids,
                          std::move(turn->given));
  request.given = trace->records();
  if (turn->message.branch && turn->message.branch->token)
    request.forced_ids = {*turn->message.branch->token};
  request.is_inspected = is_inspected;
  request.thoughts = thoughts_of(*turn->model, request.prompt_ids, turn->params);
  Reply::Spec spec{.owner = turn->owner,
                   .conversation = turn->conversation.id,
                   .row = turn->reply,
                   .request = std::move(request),
                   .stop_strings = turn->params.stop,
                   .begun = turn->prompt.begun,
                   .model = turn->model,
                   .ticket = std::move(turn->ticket),
                   .is_stepped = turn->message.step,
                   .trace = std::move(trace)};
  bool duplicate = false;
  for (const Asker& asker : turn->askers) {
    if (const auto connection = asker.connection.lock()) {
      ServerMessage event = accepted_event({asker.re, turn->conversation, turn->user_parent(),
                                            turn->reply, duplicate, turn->continued_from()});
      add_trace_fields(*spec.trace, event);
      connection->send(event);
    }
    duplicate = true;
  }
  Reply& reply = ports_.replies.start(std::move(spec));
  for (const Asker& asker : turn->askers) {
    if (const auto connection = asker.connection.lock()) reply.watch(connection, 0);
  }
  const auto first = turn->askers.front().connection.lock();
  ports_.announce(
      turn->owner, first.get(),
      changed_event(turn->conversation.id, "messages",
                    summary_json(turn->conversation,
                                 ports_.replies.live_in(turn->owner, turn->conversation.id))));
}

}  // namespace hearth::server

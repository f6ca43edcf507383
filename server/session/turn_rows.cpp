#include "server/session/turn_rows.h"

#include <utility>

#include "server/session/engine_identity.h"
#include "server/session/events.h"
#include "server/session/thought.h"

namespace hearth::server {
namespace {

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

// The row of a reply that is written on: the same message, with what holds from now on.
void write_on(PendingTurn& turn) {
  Message row = std::move(*turn.continued);
  row.status = MessageStatus::queued;
  turn.decode_ms_before = row.end ? row.end->decode_ms : 0.0;
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

}  // namespace

NewTurn make_rows(PendingTurn& turn, const RandomBytes& random, std::int64_t now_ms) {
  turn.reply = Message{.id = new_id<MessageId>(random),
                       .parent = turn.user_message ? turn.user_message->id : turn.path.back().id,
                       .role = Role::assistant,
                       .status = MessageStatus::queued,
                       .content = {},
                       .created_ms = now_ms,
                       .model = turn.model->id,
                       .fingerprint = turn.model->fingerprint,
                       .seed = turn.params.seed.value_or(draw_seed(random)),
                       .params_json = turn.params_json,
                       .dropped = turn.prompt.dropped,
                       .end = {}};
  if (turn.continued) write_on(turn);
  if (turn.user_message) turn.user_message->created_ms = now_ms;
  turn.conversation.head = turn.reply.id;
  turn.conversation.updated_ms = now_ms;
  NewTurn rows{.owner = turn.owner,
               .conversation = turn.conversation.id,
               .new_conversation = {},
               .system = turn.message.system,
               .params_json = turn.continued ? std::nullopt : std::optional(turn.params_json),
               .user_message = turn.user_message,
               .reply = turn.reply,
               .continues = turn.continued.has_value(),
               .client_id = turn.message.id,
               .body_hash = turn.message.body_hash,
               .now_ms = now_ms};
  if (!turn.message.conversation) rows.new_conversation = turn.conversation;
  return rows;
}

Reply::Spec make_spec(PendingTurn& turn, engine::RequestId id, bool is_inspected) {
  const EngineIdentity identity = engine_identity(turn.owner);
  engine::GenerationRequest request;
  request.id = id;
  request.user = identity.user;
  request.cache_salt = identity.cache_salt;
  request.prompt_ids = std::move(turn.prompt.ids);
  request.num_shared_prefix = turn.prompt.num_shared;
  request.max_tokens = turn.prompt.max_tokens;
  request.stop_ids = turn.model->eos_ids;
  request.sampling = turn.sampling;
  request.seed = turn.reply.seed;
  auto trace = make_trace(turn.message, is_inspected, turn.sampling, request.prompt_ids,
                          std::move(turn.given));
  request.given = trace->records();
  if (turn.message.branch && turn.message.branch->token)
    request.forced_ids = {*turn.message.branch->token};
  request.is_inspected = is_inspected;
  request.thoughts = thoughts_of(*turn.model, request.prompt_ids, turn.params);
  return {.owner = turn.owner,
          .conversation = turn.conversation.id,
          .row = turn.reply,
          .request = std::move(request),
          .stop_strings = turn.params.stop,
          .begun = turn.prompt.begun,
          .decode_ms_before = turn.decode_ms_before,
          .model = turn.model,
          .ticket = std::move(turn.ticket),
          .is_stepped = turn.message.step,
          .trace = std::move(trace)};
}

ServerMessage accepted_message(const PendingTurn& turn, const Reply::Spec& spec,
                               const std::string& re, bool duplicate) {
  ServerMessage accepted = accepted_event(
      {re, turn.conversation, turn.user_parent(), turn.reply, duplicate, turn.continued_from()});
  const TraceHead& head = spec.trace->head();
  if (head.is_inspected) accepted.body["inspect"] = true;
  if (head.is_stepped) accepted.body["step"] = true;
  if (head.branch) {
    accepted.body["branch"] = {{"message", to_string(head.branch->message)},
                               {"at", head.branch->at}};
  }
  return accepted;
}

}  // namespace hearth::server

#include "server/session/turn_starter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/session/conversation_json.h"
#include "server/session/events.h"
#include "server/session/turn_rows.h"

namespace hearth::server {
namespace {

WireError used_before() {
  return turn_error(ErrorCode::idempotency_conflict, "This id was used for another message.", "id");
}

WireError no_such_id() { return turn_error(ErrorCode::not_found, "There is no such id here."); }

}  // namespace

TurnStarter::TurnStarter(TurnPorts ports, const ServiceLimits& limits)
    : ports_(std::move(ports)),
      limits_(limits),
      context_(
          {ports_.text, ports_.store, ports_.replies, ports_.traces, ports_.clock, ports_.random},
          limits, [this](const TurnRef& turn, const std::optional<WireError>& error) {
            if (error) return refuse(turn, *error);
            store_rows(turn);
          }) {}

PendingTurn* TurnStarter::in_flight(const UserId& owner, const std::string& client_id) {
  const auto found = std::find_if(in_flight_.begin(), in_flight_.end(), [&](const TurnRef& turn) {
    return turn->owner == owner && turn->message.id == client_id;
  });
  return found == in_flight_.end() ? nullptr : found->get();
}

bool TurnStarter::is_asked_by(const Connection& asker) const {
  return std::any_of(in_flight_.begin(), in_flight_.end(), [&](const TurnRef& turn) {
    return std::any_of(turn->askers.begin(), turn->askers.end(),
                       [&](const Asker& one) { return one.connection.lock().get() == &asker; });
  });
}

void TurnStarter::forget(const TurnRef& turn) { std::erase(in_flight_, turn); }

void TurnStarter::refuse(const TurnRef& turn, const WireError& error) {
  forget(turn);
  for (const Asker& asker : turn->askers) {
    if (const auto connection = asker.connection.lock()) connection->send_error(asker.re, error);
  }
}

void TurnStarter::drop(const UserId& owner, const ConversationId* conversation) {
  for (const TurnRef& turn : in_flight_) {
    const bool is_in_it = !conversation || turn->message.conversation == *conversation;
    if (turn->owner == owner && is_in_it) turn->is_dropped = true;
  }
}

// Sent twice before the first was answered: one turn with two askers.
bool TurnStarter::join(const std::shared_ptr<Connection>& asker, const ChatCreate& message) {
  PendingTurn* const same = in_flight(asker->user()->id, message.id);
  if (!same) return false;
  if (same->message.body_hash == message.body_hash) {
    same->askers.push_back({asker, message.id});
  } else {
    asker->send_error(message.id, used_before());
  }
  return true;
}

void TurnStarter::create(const std::shared_ptr<Connection>& asker, ChatCreate message) {
  const UserId owner = asker->user()->id;
  if (join(asker, message)) return;
  const auto num_preparing =
      std::count_if(in_flight_.begin(), in_flight_.end(),
                    [&](const TurnRef& turn) { return turn->owner == owner; });
  if (num_preparing >= limits_.preparing_per_user) {
    return asker->send_error(
        message.id, turn_error(ErrorCode::busy, "Your other messages are still being accepted."));
  }
  auto turn = std::make_shared<PendingTurn>();
  turn->owner = owner;
  turn->network = asker->peer();
  turn->askers.push_back({asker, message.id});
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
  if (known.body_hash != turn->message.body_hash) return refuse(turn, used_before());
  forget(turn);
  for (const Asker& asker : turn->askers) {
    const auto connection = asker.connection.lock();
    if (!connection) continue;
    connection->send(
        accepted_event({asker.re, known.conversation, known.grandparent, known.reply, true}));
    if (Reply* const reply = ports_.replies.find(turn->owner, known.reply.id)) {
      reply->watch(connection, 0);
    } else {
      ports_.ended.send(connection, turn->owner, known.reply.id);
    }
  }
}

void TurnStarter::admit(const TurnRef& turn) {
  const ModelStatus& model = ports_.model;
  if (model.state == ModelState::failed) {
    return refuse(turn, turn_error(ErrorCode::model_failed,
                                   "The model could not be loaded; the operator has to act."));
  }
  if (model.state == ModelState::loading) {
    return refuse(turn, {.code = ErrorCode::model_loading,
                         .detail = "The model is loading.",
                         .retry_after_ms = model.eta_ms.value_or(1000)});
  }
  const auto& params = turn->message.params;
  if (!limits_.any_model && params && params->model && *params->model != model.id) {
    return refuse(turn, turn_error(ErrorCode::model_not_found, "This server serves no such model.",
                                   "params.model"));
  }
  auto ticket = ports_.admission.enter(turn->owner, turn->network);
  if (!ticket) {
    WireError error = WireError::of(ticket.error());
    error.retry_after_ms = 2000;
    return refuse(turn, error);
  }
  turn->ticket = std::move(*ticket);
  turn->model = model.info;
  context_.prepare(turn);
}

void TurnStarter::store_rows(const TurnRef& turn) {
  if (turn->is_dropped) return refuse(turn, no_such_id());
  NewTurn rows = make_rows(*turn, ports_.random, ports_.clock.unix_ms());
  ports_.store.begin_turn(std::move(rows),
                          lifetime_.guard([this, turn](const Result<void>& result) {
                            if (!result) return refuse(turn, WireError::of(result.error()));
                            if (turn->is_dropped) return take_back(turn);
                            begin(turn);
                          }));
}

// Deleted between the rows and their `accepted`. What can still be restored must not wait for ever
// for a reply that nobody writes.
void TurnStarter::take_back(const TurnRef& turn) {
  const ReplyEnd end{.reason = EndReason::cancelled,
                     .text = turn->reply.content,
                     .ids = turn->prompt.begun,
                     .tokens = turn->reply.tokens};
  ports_.store.finish_reply(turn->owner, turn->reply.id, end, [](const Result<void>&) {});
  refuse(turn, no_such_id());
}

void TurnStarter::begin(const TurnRef& turn) {
  forget(turn);
  const bool is_inspected =
      turn->message.inspect && ports_.replies.inspected() < limits_.inspected_total;
  Reply::Spec spec = make_spec(*turn, ports_.next_request_id(), is_inspected);
  bool duplicate = false;
  for (const Asker& asker : turn->askers) {
    if (const auto connection = asker.connection.lock())
      connection->send(accepted_message(*turn, spec, asker.re, duplicate));
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

#include "server/session/requests.h"

#include <utility>
#include <variant>

#include "server/session/events.h"

namespace hearth::server {
namespace {

template <class... Cases>
struct Visitor : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Visitor(Cases...) -> Visitor<Cases...>;  // clang before 17 does not find it by itself

// What changes nothing.
bool only_reads(const ClientMessage& message) {
  return std::holds_alternative<StreamAttach>(message) || std::holds_alternative<Ack>(message) ||
         std::holds_alternative<HistoryList>(message) ||
         std::holds_alternative<HistoryGet>(message) ||
         std::holds_alternative<HistorySearch>(message) ||
         std::holds_alternative<ContextMeasure>(message);
}

std::optional<WireError> why_not(const User& user, const ClientMessage& message) {
  if (!user.has_row) {
    return WireError{.code = ErrorCode::forbidden,
                     .detail = "Nothing is kept of you here; ask for a session first."};
  }
  if (user.scope == Scope::read && !only_reads(message))
    return WireError{.code = ErrorCode::forbidden, .detail = "This key may only read."};
  return std::nullopt;
}

}  // namespace

void Requests::handle(const std::shared_ptr<Connection>& from, ClientMessage message) {
  if (const auto reason = why_not(*from->user(), message))
    return from->send_error(request_id_of(message), *reason);
  // One case for each message; the compiler lists those that are missing.
  std::visit(Visitor{
                 [&](ChatCreate&& one) { parts_.turns.create(from, std::move(one)); },
                 [&](ChatStep&& one) { step(from, one); },
                 [&](ChatAnswer&& one) { parts_.history.answer_now(from, one); },
                 [&](ChatCancel&& one) { parts_.history.cancel(from, one); },
                 [&](StreamAttach&& one) { parts_.history.attach(from, one); },
                 [&](HistoryList&& one) { parts_.history.list(from, one); },
                 [&](HistoryGet&& one) { parts_.history.get(from, one); },
                 [&](ChatEdit&& one) { parts_.tree.edit(from, one); },
                 [&](ContextMeasure&& one) { parts_.measurer.measure(from, std::move(one)); },
                 [&](HistoryRename&& one) { parts_.tree.rename(from, one); },
                 [&](HistoryDelete&& one) { parts_.tree.remove(from, one); },
                 [&](HistoryClear&& one) { parts_.tree.clear(from, one); },
                 [&](HistoryRestore&& one) { parts_.tree.restore(from, one); },
                 [&](HistorySearch&& one) { parts_.tree.search(from, one); },
                 [&](ConversationUpdate&& one) { parts_.tree.update(from, std::move(one)); },
                 [&](ConversationHead&& one) { parts_.tree.head(from, one); },
                 [](Hello&&) {},  // not here
                 [](Ack&&) {},    // replies are kept whole, so there is nothing to trim
                 [](Ping&&) {},   // the connection answered
             },
             std::move(message));
}

void Requests::step(const std::shared_ptr<Connection>& from, const ChatStep& message) {
  const auto refuse = [&](ErrorCode code, std::string detail, std::string param = {}) {
    from->send_error(message.id,
                     {.code = code, .detail = std::move(detail), .param = std::move(param)});
  };
  Reply* const reply = parts_.replies.find(from->user()->id, message.stream);
  if (!reply) return refuse(ErrorCode::not_found, "There is no such id here.");
  const auto& model = parts_.model.info;
  if (message.token && (!model || !is_token(*model->tokenizer, *message.token))) {
    return refuse(ErrorCode::invalid_parameter, "The vocabulary has no such token.", "token");
  }
  const Result<void> stepped = parts_.replies.step(*reply, message.num_tokens, message.token);
  if (!stepped) return refuse(stepped.error().code, stepped.error().detail);
  from->send(result_event(message.id, {{"stream", to_string(message.stream)}}));
}

}  // namespace hearth::server

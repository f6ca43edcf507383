#include "server/session/history_calls.h"

#include <utility>

#include "server/session/conversation_json.h"
#include "server/session/events.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t kPageBytes = 96 * 1024;

json attach_data(const MessageId& stream, const char* state, std::int64_t to) {
  return {{"stream", to_string(stream)}, {"state", state}, {"to", to}};
}

WireError no_such_stream() {
  return {.code = ErrorCode::not_found, .detail = "There is no such id here."};
}

}  // namespace

HistoryCalls::HistoryCalls(HistoryStore& store, Replies& replies, EndedReplies& ended)
    : store_(store), replies_(replies), ended_(ended) {}

template <class T, class Answer>
HistoryStore::Done<T> HistoryCalls::answering(const std::shared_ptr<Connection>& asker,
                                              const std::string& re, Answer answer) {
  return lifetime_.guard([weak = std::weak_ptr<Connection>(asker), re,
                          answer = std::move(answer)](const Result<T>& result) {
    const auto connection = weak.lock();
    if (!connection) return;
    if (!result) {
      connection->send_error(re, WireError::of(result.error()));
    } else if constexpr (std::is_void_v<T>) {
      answer(connection);
    } else {
      answer(connection, *result);
    }
  });
}

void HistoryCalls::list(const std::shared_ptr<Connection>& asker, const HistoryList& message) {
  const UserId owner = asker->user()->id;
  store_.list(
      owner, message.cursor, message.limit,
      answering<ConversationPage>(
          asker, message.id,
          [this, owner, re = message.id](const auto& connection, const ConversationPage& page) {
            json data = {{"conversations", json::array()}};
            for (const Conversation& conversation : page.conversations) {
              data["conversations"].push_back(
                  summary_json(conversation, replies_.live_in(owner, conversation.id)));
            }
            if (!page.next.empty()) data["next"] = page.next;
            connection->send(result_event(re, std::move(data)));
          }));
}

void HistoryCalls::get(const std::shared_ptr<Connection>& asker, const HistoryGet& message) {
  const UserId owner = asker->user()->id;
  store_.load(owner, message.conversation, message.cursor, kPageBytes,
              answering<MessagePage>(
                  asker, message.id,
                  [this, owner, re = message.id](const auto& connection, const MessagePage& page) {
                    const Conversation& conversation = page.conversation;
                    json data = {
                        {"conversation",
                         conversation_json(conversation, replies_.live_in(owner, conversation.id))},
                        {"messages", json::array()}};
                    for (const Message& row : page.messages) {
                      const Reply* const reply = replies_.find(owner, row.id);
                      data["messages"].push_back(message_json(reply ? reply->message() : row));
                    }
                    if (!page.next.empty()) data["next"] = page.next;
                    connection->send(result_event(re, std::move(data)));
                  }));
}

void HistoryCalls::cancel(const std::shared_ptr<Connection>& asker, const ChatCancel& message) {
  const UserId owner = asker->user()->id;
  if (Reply* const reply = replies_.find(owner, message.stream)) {
    if (!reply->watch_end(asker, message.id)) {
      return asker->send_error(message.id, {.code = ErrorCode::rate_limited,
                                            .detail = "This reply is being stopped already.",
                                            .retry_after_ms = 1000});
    }
    return replies_.cancel(*reply);
  }
  store_.find_message(
      owner, message.stream,
      answering<FoundMessage>(
          asker, message.id,
          [this, re = message.id](const auto& connection, const FoundMessage& found) {
            const Message& row = found.message;
            if (row.role != Role::assistant || !row.end) {
              connection->send_error(re, no_such_stream());
            } else if (!ended_.answer_at_end(connection, row.id, re)) {
              connection->send_of(row.id, done_event(row.id, *row.end, true, re));
            }
          }));
}

void HistoryCalls::answer_now(const std::shared_ptr<Connection>& asker, const ChatAnswer& message) {
  Reply* const reply = replies_.find(asker->user()->id, message.stream);
  if (!reply) return asker->send_error(message.id, no_such_stream());
  if (!replies_.answer_now(*reply)) {
    return asker->send_error(
        message.id, {.code = ErrorCode::conflict, .detail = "This reply is not thinking."});
  }
  asker->send(result_event(message.id, {{"stream", to_string(message.stream)}}));
}

void HistoryCalls::attach(const std::shared_ptr<Connection>& asker, const StreamAttach& message) {
  const UserId owner = asker->user()->id;
  if (Reply* const reply = replies_.find(owner, message.stream)) {
    const auto to = static_cast<std::int64_t>(reply->text().to());
    asker->send_of(reply->id(),
                   result_event(message.id, attach_data(reply->id(), reply->state(), to)));
    reply->watch(asker, message.have);
    return;
  }
  store_.find_message(
      owner, message.stream,
      answering<FoundMessage>(
          asker, message.id,
          [this, owner, re = message.id](const auto& connection, const FoundMessage& found) {
            const Message& row = found.message;
            if (row.role != Role::assistant || !row.end) {
              connection->send_error(re, no_such_stream());
              return;
            }
            connection->send(result_event(re, attach_data(row.id, ended_state(row), row.tokens)));
            ended_.send(connection, owner, row.id);
          }));
}

}  // namespace hearth::server

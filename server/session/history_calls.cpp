#include "server/session/history_calls.h"

#include <utility>

#include "server/session/events.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t kPageBytes = 192 * 1024;

json id_list(const std::vector<MessageId>& ids) {
  json list = json::array();
  for (const MessageId& id : ids) list.push_back(to_string(id));
  return list;
}

json or_null(const std::optional<MessageId>& id) {
  return id ? json(to_string(*id)) : json(nullptr);
}

json object_of(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  return value.is_object() ? value : json::object();
}

json summary(const Conversation& conversation, const std::vector<MessageId>& live) {
  return {{"id", to_string(conversation.id)},   {"title", conversation.title},
          {"revision", conversation.revision},  {"head", or_null(conversation.head)},
          {"created", conversation.created_ms}, {"updated", conversation.updated_ms},
          {"pinned", conversation.pinned},      {"live", id_list(live)}};
}

json with_settings(json body, const Conversation& conversation) {
  body["system"] = conversation.system;
  body["params"] = object_of(conversation.params_json);
  return body;
}

json to_json(const Message& message) {
  json body = {{"id", to_string(message.id)},     {"parent", or_null(message.parent)},
               {"role", to_string(message.role)}, {"content", message.content},
               {"created", message.created_ms},   {"status", to_string(message.status)}};
  if (message.role != Role::assistant) return body;
  body["model"] = message.model;
  body["seed"] = message.seed;
  body["params"] = object_of(message.params_json);
  body["dropped"] = id_list(message.dropped);
  body["to"] = message.tokens;
  if (!message.end) return body;
  body["finish_reason"] = to_string(message.end->reason);
  body["usage"] = usage_json(*message.end);
  body["timings"] = timings_json(*message.end);
  if (message.end->reason == EndReason::failed) {
    body["error"] =
        to_json(WireError{.code = message.end->error_code, .detail = message.end->error});
  }
  return body;
}

json attach_data(const MessageId& stream, const char* state, std::int64_t to) {
  return {{"stream", to_string(stream)}, {"state", state}, {"to", to}};
}

WireError no_such_stream() {
  return {.code = ErrorCode::not_found, .detail = "There is no such id here."};
}

}  // namespace

HistoryCalls::HistoryCalls(HistoryStore& store, Replies& replies)
    : store_(store), replies_(replies) {}

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
                  summary(conversation, replies_.live_in(owner, conversation.id)));
            }
            if (!page.next.empty()) data["next"] = page.next;
            connection->send(result_event(re, std::move(data)));
          }));
}

void HistoryCalls::get(const std::shared_ptr<Connection>& asker, const HistoryGet& message) {
  const UserId owner = asker->user()->id;
  store_.load(
      owner, message.conversation, message.cursor, kPageBytes,
      answering<MessagePage>(
          asker, message.id,
          [this, owner, re = message.id](const auto& connection, const MessagePage& page) {
            const Conversation& conversation = page.conversation;
            json data = {
                {"conversation",
                 with_settings(summary(conversation, replies_.live_in(owner, conversation.id)),
                               conversation)},
                {"messages", json::array()}};
            for (const Message& row : page.messages) {
              const Reply* const reply = replies_.find(owner, row.id);
              data["messages"].push_back(to_json(reply ? reply->message() : row));
            }
            if (!page.next.empty()) data["next"] = page.next;
            connection->send(result_event(re, std::move(data)));
          }));
}

void HistoryCalls::rename(const std::shared_ptr<Connection>& asker, const HistoryRename& message) {
  store_.rename(asker->user()->id, message.conversation, message.title, message.revision,
                answering<std::int64_t>(
                    asker, message.id, [message](const auto& connection, std::int64_t revision) {
                      connection->send(result_event(
                          message.id, {{"conversation", to_string(message.conversation)},
                                       {"title", message.title},
                                       {"revision", revision}}));
                    }));
}

void HistoryCalls::remove(const std::shared_ptr<Connection>& asker, const HistoryDelete& message) {
  const UserId owner = asker->user()->id;
  replies_.end_now(owner, &message.conversation);
  store_.remove(owner, message.conversation,
                answering<void>(asker, message.id, [message](const auto& connection) {
                  connection->send(result_event(
                      message.id, {{"conversation", to_string(message.conversation)}}));
                }));
}

void HistoryCalls::clear(const std::shared_ptr<Connection>& asker, const HistoryClear& message) {
  const UserId owner = asker->user()->id;
  replies_.end_now(owner, nullptr);
  store_.clear(owner, answering<std::int64_t>(
                          asker, message.id, [message](const auto& connection, std::int64_t count) {
                            connection->send(result_event(message.id, {{"deleted", count}}));
                          }));
}

void HistoryCalls::cancel(const std::shared_ptr<Connection>& asker, const ChatCancel& message) {
  const UserId owner = asker->user()->id;
  if (Reply* const reply = replies_.find(owner, message.stream)) {
    reply->watch_end(asker, message.id);
    replies_.cancel(*reply);
    return;
  }
  store_.find_message(
      owner, message.stream,
      answering<FoundMessage>(
          asker, message.id, [re = message.id](const auto& connection, const FoundMessage& found) {
            const Message& row = found.message;
            if (row.role != Role::assistant || !row.end) {
              connection->send_error(re, no_such_stream());
            } else {
              connection->send_of(row.id, done_event(row.id, *row.end, true, re));
            }
          }));
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
          asker, message.id, [re = message.id](const auto& connection, const FoundMessage& found) {
            const Message& row = found.message;
            if (row.role != Role::assistant || !row.end) {
              connection->send_error(re, no_such_stream());
              return;
            }
            connection->send(result_event(re, attach_data(row.id, ended_state(row), row.tokens)));
            send_ended(*connection, row);
          }));
}

}  // namespace hearth::server

#include "server/session/tree_calls.h"

#include <utility>

#include "server/session/conversation_json.h"
#include "server/session/events.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

TreeCalls::TreeCalls(HistoryStore& store, Replies& replies, TurnStarter& turns, Clock clock,
                     Announce announce, const ServiceLimits& limits)
    : store_(store),
      replies_(replies),
      turns_(turns),
      clock_(std::move(clock)),
      announce_(std::move(announce)),
      limits_(limits) {}

template <class T, class Data>
HistoryStore::Done<T> TreeCalls::answering(const std::shared_ptr<Connection>& asker,
                                           const std::string& re, Data data) {
  return lifetime_.guard([weak = std::weak_ptr<Connection>(asker), re,
                          data = std::move(data)](const Result<T>& result) {
    const auto connection = weak.lock();
    if (!result) {
      if (connection) connection->send_error(re, WireError::of(result.error()));
      return;
    }
    json body;
    if constexpr (std::is_void_v<T>) {
      body = data(connection.get());
    } else {
      body = data(connection.get(), *result);
    }
    if (connection) connection->send(result_event(re, std::move(body)));
  });
}

HistoryStore::Hide TreeCalls::hide(bool forever) const {
  return forever ? HistoryStore::Hide{} : HistoryStore::Hide{clock_.unix_ms()};
}

void TreeCalls::edit(const std::shared_ptr<Connection>& asker, const ChatEdit& message) {
  const UserId owner = asker->user()->id;
  store_.edit(
      owner, message.conversation, message.message, message.content, message.revision,
      answering<std::int64_t>(
          asker, message.id, [this, owner, message](const Connection* from, std::int64_t revision) {
            replies_.forget_ended(owner, message.message);
            announce_(owner, from, changed_event(message.conversation, "messages"));
            return json{{"conversation", to_string(message.conversation)},
                        {"message", to_string(message.message)},
                        {"revision", revision}};
          }));
}

void TreeCalls::change(const std::shared_ptr<Connection>& asker, const ConversationId& conversation,
                       ConversationChange change, const std::string& re,
                       std::function<json(const Conversation&)> data) {
  const UserId owner = asker->user()->id;
  store_.update(
      owner, conversation, std::move(change),
      answering<Conversation>(
          asker, re,
          [this, owner, data = std::move(data)](const Connection* from, const Conversation& row) {
            announce_(owner, from,
                      changed_event(row.id, "updated",
                                    summary_json(row, replies_.live_in(owner, row.id))));
            return data(row);
          }));
}

void TreeCalls::rename(const std::shared_ptr<Connection>& asker, const HistoryRename& message) {
  change(asker, message.conversation, {.title = message.title, .revision = message.revision},
         message.id, [](const Conversation& row) {
           return json{{"conversation", to_string(row.id)},
                       {"title", row.title},
                       {"revision", row.revision}};
         });
}

void TreeCalls::update(const std::shared_ptr<Connection>& asker, ConversationUpdate message) {
  const UserId owner = asker->user()->id;
  change(asker, message.conversation,
         {.title = std::move(message.title),
          .pinned = message.pinned,
          .system = std::move(message.system),
          .params_json = std::move(message.params_json),
          .revision = message.revision},
         message.id, [this, owner](const Conversation& row) {
           return summary_json(row, replies_.live_in(owner, row.id));
         });
}

void TreeCalls::head(const std::shared_ptr<Connection>& asker, const ConversationHead& message) {
  const UserId owner = asker->user()->id;
  store_.set_head(
      owner, message.conversation, message.head,
      answering<void>(asker, message.id, [this, owner, message](const Connection* from) {
        announce_(owner, from, changed_event(message.conversation, "messages"));
        return json{{"conversation", to_string(message.conversation)},
                    {"head", to_string(message.head)}};
      }));
}

// Before it is deleted (null: everything): what is being accepted, and what is being written.
void TreeCalls::stop_writing(const UserId& owner, const ConversationId* conversation) {
  turns_.drop(owner, conversation);
  replies_.end_now(owner, conversation);
}

void TreeCalls::remove(const std::shared_ptr<Connection>& asker, const HistoryDelete& message) {
  const UserId owner = asker->user()->id;
  stop_writing(owner, &message.conversation);
  store_.remove(owner, message.conversation, hide(message.forever),
                answering<void>(asker, message.id, [this, owner, message](const Connection* from) {
                  replies_.forget_conversation(owner, message.conversation);
                  announce_(owner, from, changed_event(message.conversation, "deleted"));
                  return json{{"conversation", to_string(message.conversation)}};
                }));
}

void TreeCalls::clear(const std::shared_ptr<Connection>& asker, const HistoryClear& message) {
  const UserId owner = asker->user()->id;
  stop_writing(owner, nullptr);
  store_.clear(owner, hide(message.forever),
               answering<std::int64_t>(
                   asker, message.id, [this, owner](const Connection* from, std::int64_t count) {
                     announce_(owner, from, changed_event(std::nullopt, "deleted"));
                     return json{{"deleted", count}};
                   }));
}

void TreeCalls::restore(const std::shared_ptr<Connection>& asker, const HistoryRestore& message) {
  const UserId owner = asker->user()->id;
  store_.restore(
      owner, message.conversation, clock_.unix_ms() - limits_.undo.count(),
      answering<std::vector<Conversation>>(
          asker, message.id,
          [this, owner, message](const Connection* from, const std::vector<Conversation>& rows) {
            json list = json::array();
            for (const Conversation& row : rows) list.push_back(summary_json(row, {}));
            if (!rows.empty()) {
              announce_(owner, from, changed_event(message.conversation, "restored"));
            }
            return json{{"conversations", std::move(list)}};
          }));
}

void TreeCalls::search(const std::shared_ptr<Connection>& asker, const HistorySearch& message) {
  store_.search(
      asker->user()->id, message.query, message.cursor, message.limit,
      answering<SearchPage>(asker, message.id, [](const Connection*, const SearchPage& page) {
        json hits = json::array();
        for (const SearchHit& hit : page.hits) hits.push_back(hit_json(hit));
        json data = {{"hits", std::move(hits)}};
        if (!page.next.empty()) data["next"] = page.next;
        return data;
      }));
}

}  // namespace hearth::server

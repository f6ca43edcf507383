// What changes a conversation beside chat.create: edit, settings, head, delete and its undo, and
// search.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "server/session/announce.h"
#include "server/session/clock.h"
#include "server/session/connection.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/limits.h"
#include "server/session/replies.h"
#include "server/session/turn_starter.h"

namespace hearth::server {

// On the service's thread. Each call is one question to the store; its answer goes to the asker,
// and what it changed to the user's other sockets.
class TreeCalls {
 public:
  TreeCalls(HistoryStore& store, Replies& replies, TurnStarter& turns, Clock clock,
            Announce announce, const ServiceLimits& limits);

  void edit(const std::shared_ptr<Connection>& asker, const ChatEdit& message);
  void rename(const std::shared_ptr<Connection>& asker, const HistoryRename& message);
  void update(const std::shared_ptr<Connection>& asker, ConversationUpdate message);
  void head(const std::shared_ptr<Connection>& asker, const ConversationHead& message);
  void remove(const std::shared_ptr<Connection>& asker, const HistoryDelete& message);
  void clear(const std::shared_ptr<Connection>& asker, const HistoryClear& message);
  void restore(const std::shared_ptr<Connection>& asker, const HistoryRestore& message);
  void search(const std::shared_ptr<Connection>& asker, const HistorySearch& message);

 private:
  // The asker gets what `data` makes of the result, or the error; `data` runs in any case, for what
  // it tells others.
  template <class T, class Data>
  HistoryStore::Done<T> answering(const std::shared_ptr<Connection>& asker, const std::string& re,
                                  Data data);
  void stop_writing(const UserId& owner, const ConversationId* conversation);
  void change(const std::shared_ptr<Connection>& asker, const ConversationId& conversation,
              ConversationChange change, const std::string& re,
              std::function<nlohmann::ordered_json(const Conversation&)> data);
  HistoryStore::Hide hide(bool forever) const;

  HistoryStore& store_;
  Replies& replies_;
  TurnStarter& turns_;
  Clock clock_;
  Announce announce_;
  const ServiceLimits& limits_;
  Lifetime lifetime_;
};

}  // namespace hearth::server

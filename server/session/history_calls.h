// The history.list and .get, stream.*, chat.cancel and chat.answer of a ready connection: each is
// one question to the store, laid over what is live.
#pragma once

#include <memory>

#include "server/session/connection.h"
#include "server/session/ended_replies.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/replies.h"

namespace hearth::server {

// On the service's thread. Connections are held weakly: who is gone gets no answer.
class HistoryCalls {
 public:
  HistoryCalls(HistoryStore& store, Replies& replies, EndedReplies& ended);

  void list(const std::shared_ptr<Connection>& asker, const HistoryList& message);
  void get(const std::shared_ptr<Connection>& asker, const HistoryGet& message);
  void cancel(const std::shared_ptr<Connection>& asker, const ChatCancel& message);
  void answer_now(const std::shared_ptr<Connection>& asker, const ChatAnswer& message);
  void attach(const std::shared_ptr<Connection>& asker, const StreamAttach& message);

 private:
  // Wraps `answer(connection, value)`: errors go to the asker as they are, and only a living asker
  // gets anything.
  template <class T, class Answer>
  HistoryStore::Done<T> answering(const std::shared_ptr<Connection>& asker, const std::string& re,
                                  Answer answer);

  HistoryStore& store_;
  Replies& replies_;
  EndedReplies& ended_;
  Lifetime lifetime_;
};

}  // namespace hearth::server

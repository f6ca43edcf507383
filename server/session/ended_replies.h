// Replies that are no longer in memory, for those who ask for them: text and `done`, from the
// history.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/session/connection.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/replies.h"

namespace hearth::server {

// On the service's thread. A reader gets one after the other, each when little of what came before
// still waits: however many are asked for, one of them is in memory. What became live again
// meanwhile is watched instead; what is gone is left out.
class EndedReplies {
 public:
  EndedReplies(HistoryStore& store, Replies& replies) : store_(store), replies_(replies) {}

  void send(const std::shared_ptr<Connection>& reader, const UserId& owner, const MessageId& reply);
  // For who asked to stop a reply that is on its way to them: its `done` answers that, too. False:
  // it is not on its way.
  bool answer_at_end(const std::shared_ptr<Connection>& reader, const MessageId& reply,
                     const std::string& re);
  void on_tick();

 private:
  struct Wanted {
    MessageId id;
    std::vector<std::string> res{};  // of chat.cancels that wait for its end
  };
  struct Reader {
    std::weak_ptr<Connection> connection;
    UserId owner;
    std::deque<Wanted> left;
    bool is_asking = false;
  };
  void go_on(const std::shared_ptr<Reader>& reader);
  void answered(const std::shared_ptr<Reader>& reader, const Result<FoundMessage>& found);

  HistoryStore& store_;
  Replies& replies_;
  std::vector<std::shared_ptr<Reader>> readers_;
  Lifetime lifetime_;
};

}  // namespace hearth::server

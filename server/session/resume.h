// hello.resume: what a client that comes back is given (PROTOCOL §2, hello; reliability §2.4).
#pragma once

#include <functional>
#include <memory>

#include "server/session/connection.h"
#include "server/session/ended_replies.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/replies.h"
#include "server/session/resumed.h"

namespace hearth::server {

// On the service's thread. Positions are token indices, so nothing has to be kept of a lost socket:
// a reply in memory goes on at `have`, whoever asks; one that is only in the history comes whole.
class Resumer {
 public:
  Resumer(HistoryStore& store, Replies& replies, EndedReplies& ended);

  // Looks up what is not in memory. Then `welcome`, once, which makes the connection ready; then
  // each stream's state, missing text and, if it lives, its future. Nothing, if the connection is
  // gone by then. Errors of the store go to `failed` instead.
  void resume(const std::shared_ptr<Connection>& connection, const UserId& owner, Resume wish,
              std::function<void(const Resumed&)> welcome,
              std::function<void(const Error&)> failed);

 private:
  struct Visit;

  bool look_up(const std::shared_ptr<Visit>& visit);
  void ask_store(const std::shared_ptr<Visit>& visit, std::size_t index);
  void answered(const std::shared_ptr<Visit>& visit);
  Resumed judge(const Visit& visit);
  void replay(const Visit& visit, const std::shared_ptr<Connection>& connection);

  HistoryStore& store_;
  Replies& replies_;
  EndedReplies& ended_;
  Lifetime lifetime_;
};

}  // namespace hearth::server

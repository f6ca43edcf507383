// All replies: those being written and those that ended lately. The only place that talks to the
// engine.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/session/engine_port.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/reply.h"

namespace hearth::server {

struct ReplyPorts {
  EnginePort& engine;
  HistoryStore& store;
  Clock clock;
  std::function<void(const std::string&)> log;  // for the operator, one line; may be empty
};

// On the service's thread. Bounded by Admission (live) and keep_ended (ended).
class Replies {
 public:
  Replies(ReplyPorts ports, const ServiceLimits& limits);

  // The rows are stored. Submits it, or holds it until another of its user's ends. Gives the reply,
  // to be watched.
  Reply& start(Reply::Spec spec);

  // Null when unknown here or not the owner's.
  Reply* find(const UserId& owner, const MessageId& id);
  bool is_live(const UserId& owner, const MessageId& id);
  std::vector<MessageId> live_in(const UserId& owner, const ConversationId& conversation) const;

  void progressed(std::span<const engine::RequestId> changed);
  void on_tick();

  void cancel(Reply& reply);  // `done` follows within a step
  void end_now(const UserId& owner,
               const ConversationId* conversation);  // before they are deleted; null: all of them
  void interrupt_all();                              // the server ends
  void forget(const Connection& connection);         // it watches nothing any more

  bool all_settled() const;  // nothing live, nothing being stored
  int running() const;
  int queued() const;

 private:
  void submit(Reply& reply);
  void submit_next_of(const UserId& owner);
  void advance(Reply& reply);
  void finish(Reply& reply, EndReason reason);
  void store_end(const UserId& owner, const MessageId& id, const ReplyEnd& end);
  void retry_ends(Instant now);
  void checkpoint(Reply& reply, Instant now);
  void tell_positions();
  void retire(Instant now);
  std::vector<Reply*> all();

  struct Unsaved {
    UserId owner;
    MessageId id;
    ReplyEnd end;
    Instant next_try;
    int tries = 0;
  };

  ReplyPorts ports_;
  const ServiceLimits& limits_;
  std::unordered_map<MessageId, std::unique_ptr<Reply>, IdHash> by_id_;
  std::unordered_map<engine::RequestId, Reply*> by_request_;
  std::unordered_map<UserId, int, IdHash> submitted_;  // in the engine, of each user
  std::deque<MessageId> held_;                         // oldest first
  std::vector<Unsaved> unsaved_;
  Instant positions_told_at_;
  Lifetime lifetime_;
};

}  // namespace hearth::server

// All replies: those being written and those that ended lately. The only place that talks to the
// engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "server/session/engine_port.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/queue_places.h"
#include "server/session/reply.h"
#include "server/session/room_pulse.h"

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
  // It runs, waits, or its end is being stored.
  bool is_unfinished(const UserId& owner, const MessageId& id);
  std::vector<MessageId> live_in(const UserId& owner, const ConversationId& conversation) const;

  std::vector<const Reply*> live_of(const UserId& owner) const;  // those that wait last, in line

  void progressed(std::span<const engine::RequestId> changed);
  // is_scarce: replies that nobody watches wait less long for a viewer (the overload ladder).
  void on_tick(bool is_scarce = false);

  // Lets a stepped reply write so many tokens, the first of them as given; 0 pauses it. Errors:
  // invalid_parameter (it is not stepped), conflict (it ended, or the step before is not over).
  Result<void> step(Reply& reply, std::int64_t num_tokens, std::optional<TokenId> token);
  void interrupt_paused();        // the server ends: they wait for nobody
  bool answer_now(Reply& reply);  // false: it is not thinking
  void cancel(Reply& reply);      // `done` follows within a step
  void end_now(const UserId& owner,
               const ConversationId* conversation);  // before they are deleted; null: all of them
  void interrupt_all();                              // the server ends
  void forget(const Connection& connection);         // it watches nothing any more
  // What is in memory of ended replies no longer tells the truth: the history does.
  void forget_ended(const UserId& owner, const MessageId& id);
  void forget_conversation(const UserId& owner, const ConversationId& conversation);
  void forget_user(const UserId& owner);

  bool all_settled() const;         // nothing live, nothing being stored
  RoomCount count_people() const;   // those with a reply; `people` is 0
  std::int64_t held_bytes() const;  // texts and tokens, also of those that ended lately
  bool is_live_for(const Connection& connection) const;  // it watches one that is being written
  int running() const;
  int queued() const;
  int inspected() const;  // live replies whose candidates are kept

 private:
  void submit(Reply& reply);
  void submit_or_hold(Reply& reply);
  void pause(Reply& reply);
  void submit_next_of(const UserId& owner);
  void advance(Reply& reply);
  void finish(Reply& reply, EndReason reason);
  void store_end(const UserId& owner, const MessageId& id, const ReplyEnd& end);
  void retry_ends(Instant now);
  void checkpoint(Reply& reply, Instant now);
  void save_trace(const Reply& reply, ReplyTrace::Until until);
  bool is_unsaved(const MessageId& id) const;
  void tell_places();
  void retire(Instant now, Milliseconds keep);
  void rest();
  // Those that may have something to do: all that are not over, and those that ended and are read.
  std::vector<Reply*> awake() const { return {awake_.begin(), awake_.end()}; }

  struct Unsaved {
    UserId owner;
    MessageId id;
    Instant next_try;
    int tries = 0;
  };

  ReplyPorts ports_;
  const ServiceLimits& limits_;
  std::unordered_map<MessageId, std::unique_ptr<Reply>, IdHash> by_id_;
  std::unordered_set<Reply*> awake_;  // of those; the others only wait to be looked up, or to go
  std::deque<MessageId> ended_;       // in the order of their ends
  std::unordered_map<engine::RequestId, Reply*> by_request_;
  std::unordered_map<UserId, int, IdHash> submitted_;  // in the engine, of each user
  std::deque<MessageId> held_;                         // oldest first
  std::vector<Unsaved> unsaved_;
  QueuePlaces places_;
  Lifetime lifetime_;
};

}  // namespace hearth::server

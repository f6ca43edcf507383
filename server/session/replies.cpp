#include "server/session/replies.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace hearth::server {
namespace {

constexpr Milliseconds kRetryEvery{5'000};
constexpr Milliseconds kScarceGrace{60'000};    // of a running reply without a viewer (DESIGN §10)
constexpr Milliseconds kScarceKeep{10'000};     // of one that ended; the history has it
constexpr std::int64_t kReplyBytes = 8 * 1024;  // of an empty one
constexpr std::int64_t kTokenBytes = 32;        // beside its text
constexpr int kRetriesMax =
    120;  // ten minutes; then the text is given up with the process's memory

}  // namespace

Replies::Replies(ReplyPorts ports, const ServiceLimits& limits)
    : ports_(std::move(ports)), limits_(limits), places_(ports_.clock.now()) {}

Reply& Replies::start(Reply::Spec spec) {
  const MessageId id = spec.row.id;
  auto& place = by_id_[id];
  awake_.erase(place.get());
  place = std::make_unique<Reply>(std::move(spec), ports_.clock.now());
  Reply& reply = *place;
  awake_.insert(&reply);
  if (reply.is_stepped()) {
    reply.pause();
  } else {
    submit_or_hold(reply);
  }
  return reply;
}

void Replies::submit_or_hold(Reply& reply) {
  if (submitted_[reply.owner()] < limits_.running_per_user) {
    submit(reply);
  } else {
    held_.push_back(reply.id());
    tell_places();
  }
}

void Replies::tell_places() {
  std::vector<Reply*> held;
  for (const MessageId& id : held_) held.push_back(by_id_.at(id).get());
  places_.tell(awake(), held, ports_.clock.now(), limits_.queue_events_every);
}

Result<void> Replies::step(Reply& reply, std::int64_t num_tokens, std::optional<TokenId> token) {
  if (!reply.is_stepped())
    return fail(ErrorCode::invalid_parameter, "This reply is not written step by step.");
  if (!reply.is_live()) return fail(ErrorCode::conflict, "The reply has ended.");
  const Reply::Phase phase = reply.phase();
  if (num_tokens > 0) {
    if (phase != Reply::Phase::paused)
      return fail(ErrorCode::conflict, "The step before is not over yet.");
    reply.allow(num_tokens, token);
    submit_or_hold(reply);
  } else if (phase == Reply::Phase::submitted) {
    reply.pause_soon();
    ports_.engine.cancel(reply.request_id());
  } else if (phase == Reply::Phase::held) {
    std::erase(held_, reply.id());
    reply.pause();
  }
  return {};
}

// A step is over: the reply leaves the engine and keeps its text.
void Replies::pause(Reply& reply) {
  const UserId owner = reply.owner();
  by_request_.erase(reply.request_id());
  if (--submitted_[owner] == 0) submitted_.erase(owner);
  places_.forget(reply.id());
  checkpoint(reply, ports_.clock.now());
  reply.pause();
  submit_next_of(owner);
}

void Replies::interrupt_paused() {
  for (Reply* const reply : awake()) {
    if (reply->phase() == Reply::Phase::paused) finish(*reply, EndReason::interrupted);
  }
}

void Replies::submit(Reply& reply) {
  ++submitted_[reply.owner()];
  by_request_[reply.request_id()] = &reply;
  reply.submitted(ports_.engine.submit(reply.take_request()));
}

void Replies::submit_next_of(const UserId& owner) {
  const auto next = std::find_if(held_.begin(), held_.end(), [&](const MessageId& id) {
    return by_id_.at(id)->owner() == owner;
  });
  if (next == held_.end()) return;
  Reply& reply = *by_id_.at(*next);
  held_.erase(next);
  submit(reply);
}

Reply* Replies::find(const UserId& owner, const MessageId& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || found->second->owner() != owner) return nullptr;
  if (found->second->is_forgotten()) return nullptr;
  awake_.insert(found->second.get());  // it may be read from now on
  return found->second.get();
}

bool Replies::is_unfinished(const UserId& owner, const MessageId& id) {
  const Reply* const reply = find(owner, id);
  return reply && reply->phase() != Reply::Phase::ended;
}

std::vector<MessageId> Replies::live_in(const UserId& owner,
                                        const ConversationId& conversation) const {
  std::vector<MessageId> ids;
  for (const Reply* const reply : awake_) {
    if (reply->is_live() && reply->owner() == owner && reply->conversation() == conversation)
      ids.push_back(reply->id());
  }
  return ids;
}

std::vector<const Reply*> Replies::live_of(const UserId& owner) const {
  std::vector<const Reply*> replies;
  for (const Reply* const reply : awake_) {
    if (reply->is_live() && reply->owner() == owner) replies.push_back(reply);
  }
  std::sort(replies.begin(), replies.end(), [](const Reply* a, const Reply* b) {
    return std::pair(a->is_queued() ? a->place().position : 0, a->id().bytes) <
           std::pair(b->is_queued() ? b->place().position : 0, b->id().bytes);
  });
  return replies;
}

void Replies::progressed(std::span<const engine::RequestId> changed) {
  for (const engine::RequestId id : changed) {
    const auto found = by_request_.find(id);
    if (found != by_request_.end()) advance(*found->second);
  }
}

void Replies::advance(Reply& reply) {
  // The stream of a paused one has ended and says so again whenever it is asked.
  if (reply.phase() != Reply::Phase::submitted) return;
  const bool was_stopped = reply.hit_stop_string();
  reply.pull();
  if (const engine::FinishedEvent* const event = reply.finished()) {
    if (reply.is_end_of_step(event->reason)) return pause(reply);
    finish(reply, reply.hit_stop_string() ? EndReason::stop : from_engine(event->reason));
    return;
  }
  if (reply.hit_stop_string() && !was_stopped) ports_.engine.cancel(reply.request_id());
  const Instant now = ports_.clock.now();
  if (reply.needs_checkpoint(now, limits_)) checkpoint(reply, now);
}

void Replies::checkpoint(Reply& reply, Instant now) {
  reply.checkpointed(now);
  ports_.store.checkpoint(reply.owner(), reply.id(), reply.so_far());
  save_trace(reply, ReplyTrace::Until::last_whole_chunk);
}

void Replies::save_trace(const Reply& reply, ReplyTrace::Until until) {
  if (!reply.trace() || !ports_.store.traces()) return;
  auto blobs = reply.trace()->take_blobs(reply.stream(), reply.text(), until);
  if (!blobs.empty())
    ports_.store.traces()->save_trace(reply.owner(), reply.id(), std::move(blobs));
}

void Replies::cancel(Reply& reply) {
  if (reply.phase() == Reply::Phase::held || reply.phase() == Reply::Phase::paused) {
    finish(reply, EndReason::cancelled);
  } else if (reply.phase() == Reply::Phase::submitted) {
    ports_.engine.cancel(reply.request_id());
  }
}

bool Replies::answer_now(Reply& reply) {
  if (!reply.answer_now()) return false;
  if (reply.phase() == Reply::Phase::submitted) ports_.engine.answer(reply.request_id());
  return true;
}

// Also ends what the engine still runs: its later words about that request find nobody.
void Replies::finish(Reply& reply, EndReason reason) {
  const UserId owner = reply.owner();
  const bool was_submitted = reply.phase() == Reply::Phase::submitted;
  const engine::FinishedEvent* const event = reply.finished();
  if (was_submitted) {
    if (!event) ports_.engine.cancel(reply.request_id());
    if (event && reason == EndReason::failed && ports_.log) {
      ports_.log("a reply failed: " + event->error);
    }
    by_request_.erase(reply.request_id());
    if (--submitted_[owner] == 0) submitted_.erase(owner);
  } else {
    std::erase(held_, reply.id());
  }
  places_.forget(reply.id());
  const ReplyEnd& end = reply.finish(reason, event);
  if (reason == EndReason::stop || reason == EndReason::length) places_.note_end(end.tokens);
  save_trace(reply, ReplyTrace::Until::end);
  store_end(owner, reply.id(), end);
  if (was_submitted) submit_next_of(owner);
}

void Replies::store_end(const UserId& owner, const MessageId& id, const ReplyEnd& end) {
  ports_.store.finish_reply(owner, id, end,
                            lifetime_.guard([this, owner, id](const Result<void>& result) {
                              const auto found = by_id_.find(id);
                              if (found == by_id_.end()) return;
                              const Instant now = ports_.clock.now();
                              if (!result && result.error().code == ErrorCode::storage_unavailable)
                                unsaved_.push_back({owner, id, now + kRetryEvery});
                              found->second->settled(result.has_value(), now);
                              ended_.push_back(id);
                            }));
}

// As long as it is tried again the reply stays in memory, for those who ask for it (DESIGN §10).
void Replies::retry_ends(Instant now) {
  for (Unsaved& unsaved : unsaved_) {
    if (now < unsaved.next_try) continue;
    const Reply* const reply = find(unsaved.owner, unsaved.id);
    if (!reply) continue;
    unsaved.next_try = now + kRetryEvery;
    ++unsaved.tries;
    ports_.store.finish_reply(
        unsaved.owner, unsaved.id, reply->end(),
        lifetime_.guard([this, id = unsaved.id](const Result<void>& result) {
          if (!result && result.error().code == ErrorCode::storage_unavailable) return;
          std::erase_if(unsaved_, [&](const Unsaved& done) { return done.id == id; });
          const auto found = by_id_.find(id);
          if (result && found != by_id_.end()) found->second->mark_stored();
        }));
  }
  std::erase_if(unsaved_, [&](const Unsaved& unsaved) {
    return unsaved.tries >= kRetriesMax || !by_id_.contains(unsaved.id);
  });
}

bool Replies::is_unsaved(const MessageId& id) const {
  return std::any_of(unsaved_.begin(), unsaved_.end(),
                     [&](const Unsaved& unsaved) { return unsaved.id == id; });
}

void Replies::end_now(const UserId& owner, const ConversationId* conversation) {
  for (Reply* const reply : awake()) {
    if (!reply->is_live() || reply->owner() != owner) continue;
    if (!conversation || reply->conversation() == *conversation)
      finish(*reply, EndReason::cancelled);
  }
}

void Replies::interrupt_all() {
  // Held ones first: the end of a running one would submit them.
  for (const MessageId& id : std::vector<MessageId>(held_.begin(), held_.end())) {
    finish(*by_id_.at(id), EndReason::interrupted);
  }
  for (Reply* const reply : awake()) {
    if (reply->is_live()) finish(*reply, EndReason::interrupted);
  }
}

void Replies::forget(const Connection& connection) {
  const Instant now = ports_.clock.now();
  for (Reply* const reply : awake_) reply->unwatch(connection, now);
}

void Replies::forget_ended(const UserId& owner, const MessageId& id) {
  Reply* const reply = find(owner, id);
  if (!reply || reply->phase() != Reply::Phase::ended) return;
  awake_.erase(reply);
  by_id_.erase(id);
}

// Who has not taken all of it yet gets the rest and its end; nobody else finds it.
void Replies::forget_conversation(const UserId& owner, const ConversationId& conversation) {
  std::erase_if(by_id_, [&](const auto& entry) {
    Reply& reply = *entry.second;
    if (reply.phase() != Reply::Phase::ended || reply.owner() != owner ||
        reply.conversation() != conversation)
      return false;
    reply.forget();
    if (reply.is_watched()) return false;
    awake_.erase(&reply);
    return true;
  });
}

void Replies::forget_user(const UserId& owner) {
  std::erase_if(by_id_, [&](const auto& entry) {
    Reply& reply = *entry.second;
    if (reply.phase() != Reply::Phase::ended || reply.owner() != owner) return false;
    awake_.erase(&reply);
    return true;
  });
}

void Replies::on_tick(bool is_scarce) {
  const Milliseconds running_grace = is_scarce
                                         ? std::min(limits_.detach_grace_running, kScarceGrace)
                                         : limits_.detach_grace_running;
  const Instant now = ports_.clock.now();
  const bool is_telling = places_.is_due(now, limits_.queue_events_every);
  for (Reply* const reply : awake()) {
    reply->catch_up();
    if (!reply->is_live()) continue;
    if (is_telling || reply->needs_checkpoint(now, limits_)) advance(*reply);
    if (reply->running_for(now) >= limits_.reply_time) {
      finish(*reply, EndReason::length);
      continue;
    }
    const auto alone = reply->unwatched_for(now);
    const Milliseconds grace = reply->is_running() ? running_grace : limits_.detach_grace_queued;
    if (reply->is_live() && alone && *alone >= grace) cancel(*reply);
  }
  if (is_telling) tell_places();
  rest();
  retire(now, is_scarce ? std::min(limits_.keep_ended, kScarceKeep) : limits_.keep_ended);
  retry_ends(now);
}

// There are thousands of those that ended and that nobody reads: no tick looks at them.
void Replies::rest() {
  std::erase_if(awake_, [&](Reply* const reply) {
    if (reply->phase() != Reply::Phase::ended || reply->is_watched()) return false;
    const MessageId id = reply->id();
    if (reply->is_forgotten()) by_id_.erase(id);
    return true;
  });
}

void Replies::retire(Instant now, Milliseconds keep) {
  for (std::size_t left = ended_.size(); left > 0; --left) {
    const MessageId id = ended_.front();
    const auto found = by_id_.find(id);
    const auto ended = found == by_id_.end() ? std::nullopt : found->second->ended_for(now);
    if (ended && *ended < keep) return;
    ended_.pop_front();
    if (!ended) continue;  // gone already, or written on
    if (found->second->is_watched() || is_unsaved(id)) {
      ended_.push_back(id);
    } else {
      awake_.erase(found->second.get());
      by_id_.erase(found);
    }
  }
}

bool Replies::all_settled() const {
  return std::all_of(awake_.begin(), awake_.end(),
                     [](const Reply* reply) { return reply->phase() == Reply::Phase::ended; });
}

RoomCount Replies::count_people() const {
  std::unordered_set<UserId, IdHash> answered;
  std::unordered_set<UserId, IdHash> waiting;
  for (const Reply* const reply : awake_) {
    if (reply->is_running()) answered.insert(reply->owner());
    if (reply->is_queued()) waiting.insert(reply->owner());
  }
  std::erase_if(waiting, [&](const UserId& user) { return answered.contains(user); });
  return {.running = static_cast<int>(answered.size()), .queued = static_cast<int>(waiting.size())};
}

std::int64_t Replies::held_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [id, reply] : by_id_) {
    const ReplyText& text = reply->text();
    bytes +=
        kReplyBytes + std::ssize(text.text()) + kTokenBytes * static_cast<std::int64_t>(text.to());
  }
  return bytes;
}

bool Replies::is_live_for(const Connection& connection) const {
  return std::any_of(awake_.begin(), awake_.end(), [&](const Reply* reply) {
    return reply->is_live() && reply->is_watched_by(connection);
  });
}

int Replies::running() const {
  return static_cast<int>(std::count_if(awake_.begin(), awake_.end(),
                                        [](const Reply* reply) { return reply->is_running(); }));
}

int Replies::inspected() const {
  return static_cast<int>(std::count_if(awake_.begin(), awake_.end(), [](const Reply* reply) {
    const ReplyTrace* const trace = reply->trace();
    return trace && trace->head().is_inspected;
  }));
}

int Replies::queued() const {
  return static_cast<int>(std::count_if(awake_.begin(), awake_.end(),
                                        [](const Reply* reply) { return reply->is_queued(); }));
}

}  // namespace hearth::server

#include "server/session/replies.h"

#include <algorithm>
#include <utility>

namespace hearth::server {
namespace {

constexpr Milliseconds kRetryEvery{5'000};
constexpr int kRetriesMax =
    120;  // ten minutes; then the text is given up with the process's memory

}  // namespace

Replies::Replies(ReplyPorts ports, const ServiceLimits& limits)
    : ports_(std::move(ports)), limits_(limits), positions_told_at_(ports_.clock.now()) {}

Reply& Replies::start(Reply::Spec spec) {
  const MessageId id = spec.row.id;
  auto& reply = *(by_id_[id] = std::make_unique<Reply>(std::move(spec), ports_.clock.now()));
  if (submitted_[reply.owner()] < limits_.running_per_user) {
    submit(reply);
  } else {
    held_.push_back(id);
    tell_positions();
  }
  return reply;
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
  return found->second.get();
}

bool Replies::is_live(const UserId& owner, const MessageId& id) {
  const Reply* const reply = find(owner, id);
  return reply && reply->phase() != Reply::Phase::ended;
}

std::vector<MessageId> Replies::live_in(const UserId& owner,
                                        const ConversationId& conversation) const {
  std::vector<MessageId> ids;
  for (const auto& [id, reply] : by_id_) {
    if (reply->is_live() && reply->owner() == owner && reply->conversation() == conversation)
      ids.push_back(id);
  }
  return ids;
}

std::vector<Reply*> Replies::all() {
  std::vector<Reply*> replies;
  for (const auto& [id, reply] : by_id_) replies.push_back(reply.get());
  return replies;
}

void Replies::progressed(std::span<const engine::RequestId> changed) {
  for (const engine::RequestId id : changed) {
    const auto found = by_request_.find(id);
    if (found != by_request_.end()) advance(*found->second);
  }
}

void Replies::advance(Reply& reply) {
  const bool was_stopped = reply.hit_stop_string();
  reply.pull();
  if (const engine::FinishedEvent* const event = reply.finished()) {
    finish(reply, reply.hit_stop_string() ? EndReason::stop : from_engine(event->reason));
    return;
  }
  if (reply.hit_stop_string() && !was_stopped) ports_.engine.cancel(reply.request_id());
  const Instant now = ports_.clock.now();
  if (reply.needs_checkpoint(now, limits_)) checkpoint(reply, now);
}

void Replies::checkpoint(Reply& reply, Instant now) {
  reply.checkpointed(now);
  ports_.store.checkpoint(reply.owner(), reply.id(), std::string(reply.text().text()),
                          static_cast<std::int64_t>(reply.text().to()));
}

void Replies::cancel(Reply& reply) {
  if (reply.phase() == Reply::Phase::held) {
    finish(reply, EndReason::cancelled);
  } else if (reply.phase() == Reply::Phase::submitted) {
    ports_.engine.cancel(reply.request_id());
  }
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
  store_end(owner, reply.id(), reply.finish(reason, event));
  if (was_submitted) submit_next_of(owner);
}

void Replies::store_end(const UserId& owner, const MessageId& id, const ReplyEnd& end) {
  ports_.store.finish_reply(
      owner, id, end, lifetime_.guard([this, owner, id](const Result<void>& result) {
        const auto found = by_id_.find(id);
        if (found == by_id_.end()) return;
        const Instant now = ports_.clock.now();
        if (!result && result.error().code == ErrorCode::storage_unavailable) {
          unsaved_.push_back({owner, id, found->second->end(), now + kRetryEvery});
        }
        found->second->settled(result.has_value(), now);
      }));
}

void Replies::retry_ends(Instant now) {
  for (Unsaved& unsaved : unsaved_) {
    if (now < unsaved.next_try) continue;
    unsaved.next_try = now + kRetryEvery;
    ++unsaved.tries;
    ports_.store.finish_reply(
        unsaved.owner, unsaved.id, unsaved.end,
        lifetime_.guard([this, id = unsaved.id](const Result<void>& result) {
          if (!result && result.error().code == ErrorCode::storage_unavailable) return;
          std::erase_if(unsaved_, [&](const Unsaved& done) { return done.id == id; });
        }));
  }
  std::erase_if(unsaved_, [](const Unsaved& unsaved) { return unsaved.tries >= kRetriesMax; });
}

void Replies::end_now(const UserId& owner, const ConversationId* conversation) {
  for (Reply* const reply : all()) {
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
  for (Reply* const reply : all()) {
    if (reply->is_live()) finish(*reply, EndReason::interrupted);
  }
}

void Replies::forget(const Connection& connection) {
  const Instant now = ports_.clock.now();
  for (const auto& [id, reply] : by_id_) reply->unwatch(connection, now);
}

void Replies::tell_positions() {
  positions_told_at_ = ports_.clock.now();
  const std::int64_t of = queued();
  std::int64_t in_engine = 0;
  for (Reply* const reply : all()) {
    if (reply->phase() != Reply::Phase::submitted || !reply->is_queued()) continue;
    ++in_engine;
    reply->tell_position(reply->engine_position() + 1, of);
  }
  for (const MessageId& id : held_) by_id_.at(id)->tell_position(++in_engine, of);
}

void Replies::on_tick() {
  const Instant now = ports_.clock.now();
  const bool is_telling = now - positions_told_at_ >= limits_.queue_events_every;
  for (Reply* const reply : all()) {
    if (!reply->is_live()) continue;
    if (is_telling || reply->needs_checkpoint(now, limits_)) advance(*reply);
    const auto alone = reply->unwatched_for(now);
    const Milliseconds grace =
        reply->is_running() ? limits_.detach_grace_running : limits_.detach_grace_queued;
    if (reply->is_live() && alone && *alone >= grace) cancel(*reply);
  }
  if (is_telling) tell_positions();
  retire(now);
  retry_ends(now);
}

void Replies::retire(Instant now) {
  std::erase_if(by_id_, [&](const auto& entry) {
    const auto ended = entry.second->ended_for(now);
    return ended && *ended >= limits_.keep_ended;
  });
}

bool Replies::all_settled() const {
  return std::all_of(by_id_.begin(), by_id_.end(), [](const auto& entry) {
    return entry.second->phase() == Reply::Phase::ended;
  });
}

int Replies::running() const {
  return static_cast<int>(std::count_if(
      by_id_.begin(), by_id_.end(), [](const auto& entry) { return entry.second->is_running(); }));
}

int Replies::queued() const {
  return static_cast<int>(std::count_if(
      by_id_.begin(), by_id_.end(), [](const auto& entry) { return entry.second->is_queued(); }));
}

}  // namespace hearth::server

#include "server/session/reply.h"

#include <algorithm>
#include <utility>

#include "server/session/events.h"

namespace hearth::server {

Reply::Reply(Spec spec, Instant now)
    : spec_(std::move(spec)),
      text_(spec_.model->tokenizer, spec_.stop_strings),
      prompt_tokens_(static_cast<std::int64_t>(spec_.request.prompt_ids.size())),
      unwatched_since_(now),
      checkpoint_at_(now) {}

Message Reply::message() const {
  Message message = spec_.row;
  message.content = text_.text();
  message.tokens = static_cast<std::int64_t>(text_.to());
  if (is_live()) {
    message.status = has_started_ ? MessageStatus::streaming : MessageStatus::queued;
  } else {
    message.status =
        end_.reason == EndReason::interrupted ? MessageStatus::interrupted : MessageStatus::done;
    message.end = end_;
  }
  return message;
}

const char* Reply::state() const {
  if (is_queued()) return "queued";
  if (is_running()) return "running";
  return end_.reason == EndReason::interrupted ? "interrupted" : "done";
}

void Reply::send_state(Connection& connection) const {
  if (is_running()) {
    connection.send_of(id(), started_event(id(), spec_.row.model, prompt_tokens_));
  } else if (is_queued() && told_position_ > 0) {
    connection.send_of(id(), queued_event(id(), told_position_, told_of_));
  }
}

void Reply::send_text(Watcher& watcher) const {
  if (watcher.sent > text_.to()) {
    const auto to = static_cast<std::int64_t>(text_.to());
    watcher.connection->send_of(id(), snapshot_event(id(), to, std::string(text_.text()), state()));
  } else if (watcher.sent < text_.to()) {
    watcher.connection->send_delta(text_.slice(id(), watcher.sent));
  }
  watcher.sent = text_.to();
}

void Reply::watch(const std::shared_ptr<Connection>& connection, std::size_t have) {
  std::erase_if(watchers_,
                [&](const Watcher& watcher) { return watcher.connection == connection; });
  Watcher watcher{connection, have};
  send_state(*connection);
  send_text(watcher);
  if (phase_ == Phase::ended) {
    connection->send_of(id(), done_event(id(), end_, is_stored_));
    connection->forget_stream(id());
  } else {
    watchers_.push_back(std::move(watcher));
  }
}

void Reply::watch_end(const std::shared_ptr<Connection>& connection, const std::string& re) {
  if (phase_ == Phase::ended) {
    connection->send_of(id(), done_event(id(), end_, is_stored_, re));
    return;
  }
  const auto found = std::find_if(watchers_.begin(), watchers_.end(), [&](const Watcher& watcher) {
    return watcher.connection == connection;
  });
  if (found == watchers_.end()) {
    watchers_.push_back({connection, 0, true, re});
  } else {
    found->re = re;
  }
}

void Reply::unwatch(const Connection& connection, Instant now) {
  const auto removed = std::erase_if(
      watchers_, [&](const Watcher& watcher) { return watcher.connection.get() == &connection; });
  if (removed > 0 && watchers_.empty()) unwatched_since_ = now;
}

std::optional<Milliseconds> Reply::unwatched_for(Instant now) const {
  if (!watchers_.empty()) return std::nullopt;
  return std::chrono::duration_cast<Milliseconds>(now - unwatched_since_);
}

void Reply::submitted(std::shared_ptr<const engine::TokenStream> stream) {
  stream_ = std::move(stream);
  phase_ = Phase::submitted;
}

std::int32_t Reply::engine_position() const {
  return stream_ && !has_started_ ? stream_->queue_position() : -1;
}

void Reply::tell_state() {
  for (const Watcher& watcher : watchers_) {
    if (!watcher.only_end) send_state(*watcher.connection);
  }
}

void Reply::note_start() {
  if (has_started_) return;
  if (stream_->queue_position() >= 0 && stream_->published() == 0) return;
  has_started_ = true;
  tell_state();
}

void Reply::pull() {
  if (phase_ != Phase::submitted) return;
  note_start();
  if (text_.pull(*stream_)) publish();
}

void Reply::publish() {
  for (Watcher& watcher : watchers_) {
    if (!watcher.only_end) send_text(watcher);
  }
}

void Reply::tell_position(std::int64_t position, std::int64_t of) {
  if (position == told_position_ && of == told_of_) return;
  told_position_ = position;
  told_of_ = of;
  tell_state();
}

const ReplyEnd& Reply::finish(EndReason reason, const engine::FinishedEvent* event) {
  if (stream_) text_.pull(*stream_);
  text_.finish();
  publish();
  phase_ = Phase::ending;
  end_.reason = reason;
  end_.text = text_.text();
  end_.tokens = static_cast<std::int64_t>(text_.to());
  end_.prompt_tokens = prompt_tokens_;
  if (event) {
    end_.cached_tokens = event->cached_tokens;
    end_.queue_ms = event->queue_ms;
    end_.prefill_ms = event->prefill_ms;
    end_.decode_ms = event->decode_ms;
  }
  if (reason == EndReason::failed) end_.error = "The engine could not finish this reply.";
  spec_.ticket = {};
  return end_;
}

void Reply::settled(bool stored, Instant now) {
  phase_ = Phase::ended;
  is_stored_ = stored;
  ended_at_ = now;
  for (const Watcher& watcher : watchers_) {
    watcher.connection->send_of(id(), done_event(id(), end_, stored, watcher.re));
    watcher.connection->forget_stream(id());
  }
  watchers_.clear();
  unwatched_since_ = now;
}

std::optional<Milliseconds> Reply::ended_for(Instant now) const {
  if (phase_ != Phase::ended) return std::nullopt;
  return std::chrono::duration_cast<Milliseconds>(now - ended_at_);
}

bool Reply::needs_checkpoint(Instant now, const ServiceLimits& limits) const {
  if (!is_running()) return false;
  const std::size_t more = text_.to() - checkpoint_to_;
  return more >= limits.checkpoint_tokens ||
         (more > 0 && now - checkpoint_at_ >= limits.checkpoint_every);
}

void Reply::checkpointed(Instant now) {
  checkpoint_at_ = now;
  checkpoint_to_ = text_.to();
}

const char* ended_state(const Message& reply) {
  return reply.status == MessageStatus::interrupted ? "interrupted" : "done";
}

void send_ended(Connection& connection, const Message& reply) {
  connection.send_of(reply.id,
                     snapshot_event(reply.id, reply.tokens, reply.content, ended_state(reply)));
  connection.send_of(reply.id, done_event(reply.id, reply.end.value_or(ReplyEnd{}), true));
}

}  // namespace hearth::server

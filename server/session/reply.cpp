#include "server/session/reply.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace hearth::server {
namespace {

// An estimate is told again when it is off by a second and by a quarter: it moves all the time.
bool is_news(const QueuePlace& told, const QueuePlace& place) {
  if (told.position != place.position || told.of != place.of) return true;
  if (!place.eta_ms || !told.eta_ms) return place.eta_ms.has_value() != told.eta_ms.has_value();
  const std::int64_t change = std::abs(*place.eta_ms - *told.eta_ms);
  return change >= 1000 && change * 4 >= *told.eta_ms;
}

}  // namespace

Reply::Reply(Spec spec, Instant now)
    : spec_(std::move(spec)),
      text_(spec_.model->tokenizer, spec_.stop_strings, 0, spec_.request.thoughts),
      prompt_tokens_(static_cast<std::int64_t>(spec_.request.prompt_ids.size())),
      unwatched_since_(now),
      checkpoint_at_(now) {}

Message Reply::message() const {
  Message message = spec_.row;
  message.content = shown_text();
  message.tokens = static_cast<std::int64_t>(shown_to());
  if (is_live()) {
    message.status = has_started_ ? MessageStatus::streaming : MessageStatus::queued;
  } else {
    message.status =
        end_.reason == EndReason::interrupted ? MessageStatus::interrupted : MessageStatus::done;
    message.end = end_;
  }
  return message;
}

std::string Reply::shown_text() const {
  return is_before_text() ? spec_.row.content : std::string(text_.text());
}

ReplySoFar Reply::so_far() const {
  if (is_before_text()) return {spec_.row.content, spec_.begun};
  ReplySoFar result{std::string(text_.text()), {}};
  for (std::size_t i = 0; stream_ && i < text_.to(); ++i) {
    result.ids.push_back(stream_->token(i).id);
  }
  return result;
}

engine::GenerationRequest Reply::take_request() {
  if (!spec_.is_stepped) return std::move(spec_.request);
  engine::GenerationRequest request = spec_.request;
  request.given = spec_.trace->records();
  const auto num_given = static_cast<std::int64_t>(request.given.size());
  request.max_tokens = std::min(request.max_tokens, num_given + step_tokens_);
  step_end_ = request.max_tokens;
  if (step_token_) {
    request.forced_ids = {*step_token_};
  } else if (num_given > static_cast<std::int64_t>(spec_.request.given.size())) {
    request.forced_ids.clear();  // a branch's token was the first step's
  }
  return request;
}

void Reply::allow(std::int64_t num_tokens, std::optional<TokenId> token) {
  step_tokens_ = num_tokens;
  step_token_ = token;
  is_pausing_ = false;
  phase_ = Phase::held;
}

bool Reply::is_end_of_step(engine::FinishReason reason) const {
  if (!spec_.is_stepped || text_.stopped()) return false;
  if (reason == engine::FinishReason::cancelled) return is_pausing_;
  const auto num_tokens = static_cast<std::int64_t>(stream_->published());
  return reason == engine::FinishReason::length && num_tokens == step_end_ &&
         num_tokens < spec_.request.max_tokens;
}

void Reply::pause() {
  const engine::FinishedEvent* const event = finished();
  if (event && !first_step_)
    first_step_ = {event->cached_tokens, event->queue_ms, event->prefill_ms};
  if (stream_) spec_.trace->absorb(*stream_);
  phase_ = Phase::paused;
  has_started_ = false;
  is_pausing_ = false;
  tell_state();
}

const char* Reply::state() const {
  if (phase_ == Phase::paused) return "paused";
  if (is_queued()) return "queued";
  if (is_running()) return "running";
  return end_.reason == EndReason::interrupted ? "interrupted" : "done";
}

void Reply::send_state(Connection& connection) const {
  if (phase_ == Phase::paused) {
    connection.send_of(id(), paused_event(id(), static_cast<std::int64_t>(shown_to())));
  } else if (is_running()) {
    connection.send_of(id(), started_event(id(), spec_.row.model, prompt_tokens_));
  } else if (is_queued() && told_.position > 0) {
    connection.send_of(id(), queued_event(id(), told_));
  }
}

// As much as the outbox has room for: catch_up goes on when something was taken.
void Reply::send_text(Watcher& watcher) const {
  Connection& reader = *watcher.connection;
  if (!can_go_on_from(watcher.sent)) {
    const auto to = static_cast<std::int64_t>(shown_to());
    if (!reader.offer_of(id(), snapshot_event(id(), to, shown_text(), state()))) return;
    watcher.sent = shown_to();
  }
  while (watcher.sent < shown_to()) {  // at least one delta for each channel
    Delta delta = text_.slice(id(), watcher.sent, reader.room());
    if (delta.to == watcher.sent) return;
    watcher.sent = delta.to;
    reader.send_delta(std::move(delta));
  }
}

bool Reply::has_all(const Watcher& watcher) const {
  return watcher.only_end || watcher.sent == shown_to() || !watcher.connection->is_open();
}

// `paused` says how far the text before it reaches.
void Reply::tell_pause(Watcher& watcher) const {
  watcher.owes_pause = !has_all(watcher);
  if (!watcher.owes_pause) send_state(*watcher.connection);
}

// False: the outbox has no room for it now; catch_up goes on when something was taken.
bool Reply::tell_end(Watcher& watcher) const {
  Connection& reader = *watcher.connection;
  if (watcher.res.empty() && !reader.offer_of(id(), done_event(id(), end_, is_stored_)))
    return false;
  while (!watcher.res.empty()) {
    if (!reader.offer_of(id(), done_event(id(), end_, is_stored_, watcher.res.front())))
      return false;
    watcher.res.erase(watcher.res.begin());
  }
  reader.forget_stream(id());
  return true;
}

// Not somebody who is gone: nobody would take them off the list again.
void Reply::watch(const std::shared_ptr<Connection>& connection, std::size_t have) {
  if (!connection->is_open()) return;
  Watcher watcher{connection, have};
  std::erase_if(watchers_, [&](Watcher& other) {
    if (other.connection != connection) return false;
    watcher.res = std::move(other.res);
    return true;
  });
  const bool is_paused = phase_ == Phase::paused;
  if (!is_paused) send_state(*connection);
  send_text(watcher);
  if (is_paused) tell_pause(watcher);
  if (phase_ == Phase::ended && has_all(watcher) && tell_end(watcher)) return;
  watchers_.push_back(std::move(watcher));
}

bool Reply::watch_end(const std::shared_ptr<Connection>& connection, const std::string& re) {
  constexpr std::size_t kAnswersMax = 16;
  const auto found = std::find_if(watchers_.begin(), watchers_.end(), [&](const Watcher& watcher) {
    return watcher.connection == connection;
  });
  if (found != watchers_.end()) {
    if (found->res.size() == kAnswersMax) return false;
    found->res.push_back(re);
  } else if (phase_ == Phase::ended) {
    connection->send_of(id(), done_event(id(), end_, is_stored_, re));
  } else if (connection->is_open()) {
    watchers_.push_back({.connection = connection, .only_end = true, .res = {re}});
  }
  return true;
}

void Reply::catch_up() {
  std::erase_if(watchers_, [&](Watcher& watcher) {
    if (!watcher.only_end && !has_all(watcher)) send_text(watcher);
    if (!has_all(watcher)) return false;
    if (watcher.owes_pause && phase_ == Phase::paused) tell_pause(watcher);
    return phase_ == Phase::ended && tell_end(watcher);
  });
}

bool Reply::answer_now() {
  const bool is_thinking =
      is_live() && spec_.model->thoughts.thinks() && (text_.to() == 0 || text_.is_thinking());
  if (is_thinking) spec_.request.thoughts.budget = 0;  // of what is submitted later
  return is_thinking;
}

void Reply::unwatch(const Connection& connection, Instant now) {
  const auto removed = std::erase_if(
      watchers_, [&](const Watcher& watcher) { return watcher.connection.get() == &connection; });
  if (removed > 0 && watchers_.empty()) unwatched_since_ = now;
}

bool Reply::is_watched_by(const Connection& connection) const {
  return std::any_of(watchers_.begin(), watchers_.end(), [&](const Watcher& watcher) {
    return watcher.connection.get() == &connection;
  });
}

std::optional<Milliseconds> Reply::unwatched_for(Instant now) const {
  if (!watchers_.empty()) return std::nullopt;
  return std::chrono::duration_cast<Milliseconds>(now - unwatched_since_);
}

Milliseconds Reply::running_for(Instant now) {
  if (!is_running()) {
    running_since_.reset();
    return Milliseconds(0);
  }
  if (!running_since_) running_since_ = now;
  return std::chrono::duration_cast<Milliseconds>(now - *running_since_);
}

void Reply::submitted(std::shared_ptr<const engine::TokenStream> stream) {
  stream_ = std::move(stream);
  num_given_ = stream_->published();
  phase_ = Phase::submitted;
}

std::int32_t Reply::engine_position() const {
  return stream_ && !has_started_ ? stream_->queue_position() : -1;
}

void Reply::tell_state() {
  for (Watcher& watcher : watchers_) {
    if (watcher.only_end) continue;
    if (phase_ == Phase::paused) {
      tell_pause(watcher);
    } else {
      send_state(*watcher.connection);
    }
  }
}

void Reply::note_start() {
  if (has_started_) return;
  if (stream_->queue_position() >= 0 && stream_->published() <= num_given_) return;
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

void Reply::tell_place(const QueuePlace& place) {
  const bool tells = is_news(told_, place);
  told_ = place;
  if (tells) tell_state();
}

ExpectedWork Reply::expected_work(const QueueForecast& forecast) const {
  const auto written = static_cast<std::int64_t>(text_.to());
  const std::int64_t read = stream_ ? stream_->prefilled_tokens() : 0;
  return {.prompt_tokens = std::max<std::int64_t>(0, prompt_tokens_ - read),
          .reply_tokens = forecast.expected_tokens(written, spec_.request.max_tokens)};
}

const ReplyEnd& Reply::finish(EndReason reason, const engine::FinishedEvent* event) {
  if (stream_) text_.pull(*stream_);
  text_.finish();
  publish();
  phase_ = Phase::ending;
  end_.reason = reason;
  ReplySoFar last = so_far();
  end_.text = std::move(last.text);
  end_.ids = std::move(last.ids);
  end_.tokens = static_cast<std::int64_t>(end_.ids.size());
  end_.prompt_tokens = prompt_tokens_;
  if (event) {
    end_.cached_tokens = event->cached_tokens;
    end_.queue_ms = event->queue_ms;
    end_.prefill_ms = event->prefill_ms;
    // Beside the number of all its tokens stands the time of all of them, or none.
    const bool is_timed = num_given_ == 0 || spec_.decode_ms_before > 0;
    end_.decode_ms = is_timed ? spec_.decode_ms_before + event->decode_ms : 0.0;
  }
  if (first_step_) {
    end_.cached_tokens = first_step_->cached_tokens;
    end_.queue_ms = first_step_->queue_ms;
    end_.prefill_ms = first_step_->prefill_ms;
  }
  if (reason == EndReason::failed) end_.error = "The engine could not finish this reply.";
  spec_.ticket = {};
  return end_;
}

void Reply::settled(bool stored, Instant now) {
  phase_ = Phase::ended;
  is_stored_ = stored;
  spec_.trace.reset();
  stream_.reset();
  ended_at_ = now;
  catch_up();
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

}  // namespace hearth::server

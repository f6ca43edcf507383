#include "server/session/connection.h"

#include <utility>

#include "server/session/events.h"

namespace hearth::server {

Connection::Connection(Options options, ConnectionEvents events, const Limits& limits, Clock clock,
                       SessionId session)
    : options_(std::move(options)),
      events_(std::move(events)),
      limits_(limits.connection),
      parse_limits_{.content_bytes = limits.service.content_bytes,
                    .system_bytes = limits.service.system_bytes,
                    .title_chars = limits.service.title_chars,
                    .max_tokens = limits.service.max_tokens},
      clock_(std::move(clock)),
      session_(session),
      outbox_(limits_.outbox_entries, limits_.outbox_bytes, limits_.merge_window),
      rate_(limits_.messages_per_s, limits_.burst, clock_.now()),
      opened_at_(clock_.now()),
      taken_at_(opened_at_) {}

void Connection::on_text(std::string_view frame) {
  if (!is_open()) return;
  const std::size_t bytes_max = is_ready_ ? limits_.frame_bytes : limits_.frame_bytes_before_ready;
  if (frame.size() > bytes_max) {
    send_error({}, {.code = ErrorCode::message_too_large,
                    .detail = "A frame may have at most " + std::to_string(bytes_max) + " bytes."});
    close(1009, "the message is too large");
    return;
  }
  auto message = parse_client_message(frame, parse_limits_);
  if (!passes_rate_limit(message ? request_id_of(*message) : message.error().re)) return;
  if (!message) {
    refuse(std::move(message.error()));
    return;
  }
  const bool is_hello = std::holds_alternative<Hello>(*message);
  if (is_hello == said_hello_) {
    refuse({request_id_of(*message),
            {.code = ErrorCode::invalid_message,
             .detail = is_hello ? "hello comes once." : "hello comes first."},
            true});
    return;
  }
  said_hello_ = true;
  if (auto* const ping = std::get_if<Ping>(&*message)) {
    send(pong_event(ping->t));
  } else if (is_hello || is_ready_) {
    events_.received(*this, std::move(*message));
  } else {
    send_error(request_id_of(*message),
               {.code = ErrorCode::invalid_message, .detail = "Wait for ready."});
  }
}

bool Connection::passes_rate_limit(const std::string& re) {
  const RateLimit::Verdict verdict = rate_.take(clock_.now());
  if (verdict == RateLimit::Verdict::pass) return true;
  if (verdict == RateLimit::Verdict::flood) {
    close(4429, "too many messages");
  } else {
    send_error(re, {.code = ErrorCode::rate_limited,
                    .detail = "Too many messages; this one was dropped.",
                    .retry_after_ms = rate_.wait().count()});
  }
  return false;
}

void Connection::refuse(ParseFailure failure) {
  send_error(std::move(failure.re), std::move(failure.error));
  if (failure.is_strike && ++strikes_ >= limits_.strikes) {
    close(4400, "messages that could not be understood");
  }
}

void Connection::on_closed() {
  if (is_gone_) return;
  is_gone_ = true;
  outbox_.clear();
  options_.wake = nullptr;
  const auto keep_alive = shared_from_this();
  events_.closed(*this);
}

std::optional<std::string> Connection::take_frame() {
  if (is_gone_) return std::nullopt;
  const Instant now = clock_.now();
  // What is decided to be closed sends its last deltas without waiting for more.
  auto frame = outbox_.take(close_ ? now + limits_.merge_window : now);
  if (frame) taken_at_ = now;
  return frame;
}

void Connection::on_tick() {
  if (!is_open()) return;
  const Instant now = clock_.now();
  if (!said_hello_ && now - opened_at_ >= limits_.hello_within) {
    close(4408, "no hello in time");
  } else if (!outbox_.empty() && now - taken_at_ >= limits_.stalled_after) {
    slow_consumer();
  } else {
    wake_if_takable();
  }
}

void Connection::become_ready(User user) {
  options_.user = std::move(user);
  is_ready_ = true;
}

void Connection::queue_frame(const std::optional<MessageId>& stream, const ServerMessage& message) {
  if (!is_open()) return;
  if (outbox_.empty()) taken_at_ = clock_.now();
  if (!outbox_.push(stream, to_frame(message))) {
    slow_consumer();
    return;
  }
  wake_if_takable();
}

void Connection::send(const ServerMessage& message) { queue_frame(std::nullopt, message); }

void Connection::send_of(const MessageId& stream, const ServerMessage& message) {
  queue_frame(stream, message);
}

void Connection::send_delta(Delta delta) {
  if (!is_open()) return;
  const Instant now = clock_.now();
  if (outbox_.empty()) taken_at_ = now;
  if (!outbox_.push(std::move(delta), now)) {
    slow_consumer();
    return;
  }
  wake_if_takable();
}

void Connection::forget_stream(const MessageId& stream) { outbox_.forget(stream); }

void Connection::send_error(std::string re, const WireError& error) {
  send(error_event(re, error));
}

void Connection::close(std::uint16_t code, std::string reason) {
  if (!is_open()) return;
  close_ = Close{code, std::move(reason), false};
  if (options_.wake) options_.wake();
}

void Connection::slow_consumer() {
  outbox_.clear();
  close_ = Close{4498, "slow reader", true};
  if (options_.wake) options_.wake();
}

void Connection::wake_if_takable() {
  if (options_.wake && outbox_.can_take(clock_.now())) options_.wake();
}

}  // namespace hearth::server

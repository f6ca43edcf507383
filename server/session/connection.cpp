#include "server/session/connection.h"

#include <algorithm>
#include <utility>

#include "server/session/events.h"

namespace hearth::server {
namespace {

// Kept free of deltas, for everything else that has to be said.
constexpr std::size_t kReserveBytes = 16 * 1024;

OutEvent out_event(const std::optional<MessageId>& stream, const ServerMessage& message) {
  OutEvent event{
      .frame = to_frame(message), .type = message.body.value("type", ""), .stream = stream};
  const auto to = message.body.find("to");
  if (to != message.body.end() && to->is_number_integer()) event.to = to->get<std::int64_t>();
  return event;
}

}  // namespace

Connection::Connection(Options options, ConnectionEvents events, const Limits& limits, Clock clock,
                       SessionId session)
    : options_(std::move(options)),
      events_(std::move(events)),
      limits_(limits.connection),
      parse_limits_{.content_bytes = limits.service.content_bytes,
                    .system_bytes = limits.service.system_bytes,
                    .title_chars = limits.service.title_chars,
                    .max_tokens = limits.service.max_tokens,
                    .json_depth = limits.connection.json_depth},
      clock_(std::move(clock)),
      session_(session),
      outbox_(limits_.outbox_entries, limits_.outbox_bytes, limits_.merge_window),
      rate_(limits_.messages_per_s, limits_.burst, clock_.now()),
      byte_rate_(limits_.bytes_per_s, limits_.bytes_burst, clock_.now()),
      opened_at_(clock_.now()),
      max_age_(limits_.max_age - limits_.max_age / 10 * session_.bytes[0] / 255),
      taken_at_(opened_at_),
      spoke_at_(opened_at_) {
  if (options_.user) options_.user->peer = options_.peer;
  if (options_.kind == ConnectionKind::socket) return;
  said_hello_ = true;
  is_ready_ = true;
}

void Connection::on_text(std::string_view frame) {
  if (!is_open()) return;
  const std::size_t bytes_max = is_ready_ ? limits_.frame_bytes : limits_.frame_bytes_before_ready;
  if (frame.size() > bytes_max) {
    send_error({}, {.code = ErrorCode::message_too_large,
                    .detail = "A frame may have at most " + std::to_string(bytes_max) + " bytes."});
    close(1009, "the message is too large");
    return;
  }
  if (!passes_byte_rate(frame.size())) return;
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

void Connection::flooded() { close(4429, "too many messages"); }

// Reading a frame costs time in proportion to its size, whoever sent it: what comes too fast is not
// read at all.
bool Connection::passes_byte_rate(std::size_t bytes) {
  switch (byte_rate_.take(clock_.now(), static_cast<double>(bytes))) {
    case RateLimit::Verdict::pass:
      return true;
    case RateLimit::Verdict::flood:
      flooded();
      return false;
    case RateLimit::Verdict::refuse:
      break;
  }
  send_error({}, {.code = ErrorCode::rate_limited,
                  .detail = "Too many bytes at once; this message was dropped unread.",
                  .retry_after_ms = byte_rate_.wait().count()});
  return false;
}

bool Connection::passes_rate_limit(const std::string& re) {
  const RateLimit::Verdict verdict = rate_.take(clock_.now());
  if (verdict == RateLimit::Verdict::pass) return true;
  if (verdict == RateLimit::Verdict::flood) {
    flooded();
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

std::optional<OutEvent> Connection::take_event() {
  if (is_gone_) return std::nullopt;
  const Instant now = clock_.now();
  // What is decided to be closed sends its last deltas without waiting for more.
  auto event = outbox_.take(close_ ? now + limits_.merge_window : now);
  if (event) taken_at_ = spoke_at_ = now;
  return event;
}

std::optional<std::string> Connection::take_frame() {
  auto event = take_event();
  if (!event) return std::nullopt;
  return std::move(event->frame);
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
    if (options_.idle && options_.idle_after.count() > 0 &&
        now - spoke_at_ >= options_.idle_after) {
      spoke_at_ = now;
      options_.idle();
    }
  }
}

void Connection::become_ready(User user) {
  user.peer = options_.peer;
  options_.user = std::move(user);
  is_ready_ = true;
}

bool Connection::push(OutEvent event) {
  if (outbox_.empty()) taken_at_ = clock_.now();
  if (!outbox_.push(std::move(event))) return false;
  wake_if_takable();
  return true;
}

void Connection::queue(const std::optional<MessageId>& stream, const ServerMessage& message) {
  if (!is_open()) return;
  OutEvent event = out_event(stream, message);
  if (event.type == "result" && !outbox_.has_room(event.frame.size())) {
    return send_error(message.body.value("re", ""),
                      {.code = ErrorCode::busy,
                       .detail = "Take what was asked for before, then ask again.",
                       .retry_after_ms = 200});
  }
  if (!push(std::move(event))) slow_consumer();
}

bool Connection::offer_of(const MessageId& stream, const ServerMessage& message) {
  return !is_open() || push(out_event(stream, message));
}

void Connection::send(const ServerMessage& message) { queue(std::nullopt, message); }

void Connection::send_of(const MessageId& stream, const ServerMessage& message) {
  queue(stream, message);
}

std::size_t Connection::room() const {
  return outbox_.room() -
         std::min(outbox_.room(), std::min(kReserveBytes, limits_.outbox_bytes / 8));
}

bool Connection::is_caught_up() const {
  return outbox_.bytes() <= limits_.outbox_bytes / 4 &&
         outbox_.entries() <= limits_.outbox_entries / 4;
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

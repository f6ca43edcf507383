#include "server/session/outbox.h"

#include <algorithm>
#include <utility>

namespace hearth::server {
namespace {

std::size_t size_of(const Delta& delta) { return Outbox::cost(delta.text.size(), delta.lp.size()); }

void append(Delta& into, Delta&& more) {
  into.to = more.to;
  into.text += more.text;
  into.lp.insert(into.lp.end(), more.lp.begin(), more.lp.end());
  into.bytes.insert(into.bytes.end(), more.bytes.begin(), more.bytes.end());
}

}  // namespace

Outbox::Outbox(std::size_t entries_max, std::size_t bytes_max, Milliseconds merge_window)
    : entries_max_(entries_max), bytes_max_(bytes_max), merge_window_(merge_window) {}

// What a delta costs while it waits: its text and two numbers a token.
std::size_t Outbox::cost(std::size_t text_bytes, std::size_t num_tokens) {
  constexpr std::size_t kFrame = 128;
  constexpr std::size_t kPerToken = 16;
  return kFrame + text_bytes + num_tokens * kPerToken;
}

std::optional<MessageId> Outbox::Entry::stream() const {
  if (const auto* const delta = std::get_if<Delta>(&content)) return delta->stream;
  return std::get<OutEvent>(content).stream;
}

bool Outbox::has_room(std::size_t bytes, bool is_large) const {
  if (entries_.size() >= entries_max_) return false;
  return is_large ? large_bytes_ + written_large_bytes_ == 0
                  : bytes_ + written_bytes_ + bytes <= bytes_max_;
}

std::size_t Outbox::room() const {
  if (entries_.size() >= entries_max_) return 0;
  return bytes_max_ - std::min(bytes_max_, bytes_ + written_bytes_);
}

void Outbox::add(Entry entry) {
  (entry.is_large ? large_bytes_ : bytes_) += entry.bytes;
  entries_.push_back(std::move(entry));
}

bool Outbox::push(OutEvent event) {
  const std::size_t bytes = event.frame.size();
  const bool is_large = is_large_event(bytes);
  if (!has_room(bytes, is_large)) return false;
  add({std::move(event), bytes, is_large});
  return true;
}

bool Outbox::push(Delta delta, Instant now) {
  const std::size_t bytes = size_of(delta);
  const auto last = std::find_if(entries_.rbegin(), entries_.rend(), [&](const Entry& entry) {
    return entry.stream() == delta.stream;
  });
  auto* const waiting = last == entries_.rend() ? nullptr : std::get_if<Delta>(&last->content);
  if (waiting && waiting->channel == delta.channel && waiting->to == delta.from &&
      !last->is_large) {
    if (bytes_ + written_bytes_ + bytes > bytes_max_) return false;
    append(*waiting, std::move(delta));
    const std::size_t merged = size_of(*waiting);
    bytes_ += merged - last->bytes;
    last->bytes = merged;
    return true;
  }
  const bool is_large = bytes > bytes_max_;
  if (!has_room(bytes, is_large)) return false;
  const MessageId stream = delta.stream;
  last_taken_.try_emplace(stream, now - merge_window_);  // the first one of a stream goes at once
  add({std::move(delta), bytes, is_large});
  return true;
}

bool Outbox::is_due(const Entry& front, Instant now) const {
  const auto* const delta = std::get_if<Delta>(&front.content);
  if (!delta || entries_.size() > 1) return true;
  const auto last = last_taken_.find(delta->stream);  // none: its stream has ended
  return last == last_taken_.end() || now - last->second >= merge_window_;
}

bool Outbox::can_take(Instant now) const {
  return !entries_.empty() && is_due(entries_.front(), now);
}

void Outbox::written() { written_bytes_ = written_large_bytes_ = 0; }

std::optional<OutEvent> Outbox::take(Instant now) {
  written();
  if (!can_take(now)) return std::nullopt;
  Entry entry = std::move(entries_.front());
  entries_.pop_front();
  (entry.is_large ? large_bytes_ : bytes_) -= entry.bytes;
  (entry.is_large ? written_large_bytes_ : written_bytes_) = entry.bytes;
  if (auto* const delta = std::get_if<Delta>(&entry.content)) {
    const auto last = last_taken_.find(delta->stream);
    if (last != last_taken_.end()) last->second = now;
    return OutEvent{to_frame(*delta), "delta", delta->stream, static_cast<std::int64_t>(delta->to)};
  }
  return std::move(std::get<OutEvent>(entry.content));
}

void Outbox::forget(const MessageId& stream) { last_taken_.erase(stream); }

void Outbox::clear() {
  entries_.clear();
  last_taken_.clear();
  bytes_ = 0;
  large_bytes_ = 0;
  written();
}

}  // namespace hearth::server

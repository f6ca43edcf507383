// What one socket has yet to be sent, bounded in entries and bytes (reliability §2.5, R-38).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "server/session/clock.h"
#include "server/session/protocol.h"

namespace hearth::server {

// An event on its way out. What beside the frame itself server-sent events tell: its type, and
// where in its stream the reader is behind it.
struct OutEvent {
  std::string frame{};
  std::string type{};
  std::optional<MessageId> stream{};
  std::optional<std::int64_t> to{};
};

// A delta is merged into the newest waiting entry of its stream, when that is a delta of the same
// channel that ends where this one begins. Other events are never merged or dropped, and the order
// within a stream never changes.
class Outbox {
 public:
  Outbox(std::size_t entries_max, std::size_t bytes_max, Milliseconds merge_window);

  // False: full, and nothing was queued. One event of more than half of bytes_max may wait beside
  // the others: whoever waits until the rest is small can send one of any size and its end.
  bool push(OutEvent event);
  bool push(Delta delta, Instant now);

  // An event of so many bytes would not be refused now.
  bool has_room(std::size_t bytes) const { return has_room(bytes, is_large_event(bytes)); }
  // What deltas of one stream may still take, in bytes as they are counted here.
  std::size_t room() const;
  // What waiting costs, for so much text of so many tokens.
  static std::size_t cost(std::size_t text_bytes, std::size_t num_tokens);

  // The oldest entry, if it may go now. A lone delta waits until merge_window after the last one of
  // its stream was taken. What is taken is being written until the next call, and counts as long.
  std::optional<OutEvent> take(Instant now);
  bool can_take(Instant now) const;

  // No more deltas of that stream will come.
  void forget(const MessageId& stream);

  bool empty() const { return entries_.empty(); }
  std::size_t entries() const { return entries_.size(); }
  std::size_t bytes() const {
    return bytes_ + large_bytes_ + written_bytes_ + written_large_bytes_;
  }
  void clear();

 private:
  struct Entry {
    std::variant<OutEvent, Delta> content;
    std::size_t bytes = 0;
    bool is_large = false;
    std::optional<MessageId> stream() const;
  };
  bool is_large_event(std::size_t bytes) const { return bytes > bytes_max_ / 2; }
  bool has_room(std::size_t bytes, bool is_large) const;
  void add(Entry entry);
  void written();
  bool is_due(const Entry& front, Instant now) const;

  std::size_t entries_max_;
  std::size_t bytes_max_;
  Milliseconds merge_window_;
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;          // of all but the large one
  std::size_t large_bytes_ = 0;    // of the large one
  std::size_t written_bytes_ = 0;  // the same of what was taken last
  std::size_t written_large_bytes_ = 0;
  std::unordered_map<MessageId, Instant, IdHash> last_taken_;  // of each stream's deltas
};

}  // namespace hearth::server

// What one socket has yet to be sent, bounded in entries and bytes (reliability §2.5, R-38).
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "server/session/clock.h"
#include "server/session/protocol.h"

namespace hearth::server {

// A delta is merged into the newest waiting entry of its stream, when that is a delta of the same
// channel that ends where this one begins. Other events are never merged or dropped, and the order
// within a stream never changes.
class Outbox {
 public:
  Outbox(std::size_t entries_max, std::size_t bytes_max, Milliseconds merge_window);

  // False: full, and nothing was queued. One entry larger than bytes_max may stand alone.
  bool push(std::optional<MessageId> stream,
            std::string frame);  // an event, of a stream or of none
  bool push(Delta delta, Instant now);

  // The oldest entry, if it may go now. A lone delta waits until merge_window after the last one of
  // its stream was taken.
  std::optional<std::string> take(Instant now);
  bool can_take(Instant now) const;

  // No more deltas of that stream will come.
  void forget(const MessageId& stream);

  bool empty() const { return entries_.empty(); }
  std::size_t entries() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }
  void clear();

 private:
  struct Entry {
    std::optional<MessageId> stream;
    std::variant<std::string, Delta> content;
    std::size_t bytes = 0;
  };
  bool has_room(std::size_t more) const;
  bool is_due(const Entry& front, Instant now) const;

  std::size_t entries_max_;
  std::size_t bytes_max_;
  Milliseconds merge_window_;
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
  std::unordered_map<MessageId, Instant, IdHash> last_taken_;  // of each stream's deltas
};

}  // namespace hearth::server

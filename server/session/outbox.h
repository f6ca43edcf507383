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

// A delta is merged into the last queued entry if that is a delta of the same stream and channel,
// or into its stream's last queued delta when no event of that stream came after it. Other events
// are never merged, dropped or reordered within their stream.
class Outbox {
 public:
  Outbox(std::size_t entries_max, std::size_t bytes_max, Milliseconds merge_window);

  // False: full, nothing was queued.
  bool push(std::string frame);  // an event that belongs to no stream
  bool push(const MessageId& stream, std::string frame);
  bool push(Delta delta, Instant now);

  // The oldest entry that may go now. A delta waits until merge_window after the last one of its
  // stream, unless it is the stream's first or something is queued behind it.
  std::optional<std::string> take(Instant now);
  bool can_take(Instant now) const;

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
  bool is_due(const Entry& entry, Instant now) const;

  std::size_t entries_max_;
  std::size_t bytes_max_;
  Milliseconds merge_window_;
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
  std::unordered_map<MessageId, Instant, IdHash>
      last_delta_;  // per stream, when its last delta was taken; erased with its end
};

}  // namespace hearth::server

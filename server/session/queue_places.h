// Where each waiting reply stands, and when its turn will come: told to its watchers.
#pragma once

#include <cstddef>
#include <span>
#include <unordered_map>

#include "server/session/clock.h"
#include "server/session/queue_forecast.h"
#include "server/session/reply.h"

namespace hearth::server {

// On the service's thread.
class QueuePlaces {
 public:
  explicit QueuePlaces(Instant now) : told_at_(now) {}

  bool is_due(Instant now, Milliseconds every) const { return now - told_at_ >= every; }

  // all: every reply; held: those that wait for another of their user's, oldest first. The speed is
  // measured anew when `every` has passed since the last time.
  void tell(std::span<Reply* const> all, std::span<Reply* const> held, Instant now,
            Milliseconds every);

  void note_end(std::int64_t tokens) { forecast_.note_end(tokens); }
  void forget(const MessageId& reply) { measured_.erase(reply); }

 private:
  void measure(std::span<Reply* const> all, Instant now);

  QueueForecast forecast_;
  std::unordered_map<MessageId, std::size_t, IdHash> measured_;  // tokens, of those that run
  Instant told_at_;
};

}  // namespace hearth::server

// How long those who wait will wait: an estimate from what was measured lately. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "server/session/clock.h"

namespace hearth::server {

// What is known of one reply for a forecast.
struct ExpectedWork {
  std::int64_t prompt_tokens = 0;  // not computed yet
  std::int64_t reply_tokens = 0;   // not written yet, as far as can be guessed

  std::int64_t tokens() const { return prompt_tokens + reply_tokens; }
};

// The speed of replies and their usual length, forgetting what is older than some seconds or
// replies.
class QueueForecast {
 public:
  // `written`: reply tokens since the last call, of `running` replies, in `duration`. Intervals in
  // which nothing ran say nothing.
  void note_progress(std::int64_t written, int running, Milliseconds duration);
  void note_end(std::int64_t reply_tokens);

  // Of a reply with this much written already and this much allowed.
  std::int64_t expected_tokens(std::int64_t written, std::int64_t max_tokens) const;

  // When each of `waiting` begins, in their order, if each takes the place of the first of
  // `running` (or of those before it) that ends. Empty until a speed was measured.
  std::vector<Milliseconds> start_times(const std::vector<ExpectedWork>& running,
                                        const std::vector<ExpectedWork>& waiting) const;

 private:
  Milliseconds duration_of(const ExpectedWork& work) const;

  std::optional<double> tokens_per_s_;  // of one reply, beside the others
  double usual_tokens_ = 200.0;
};

}  // namespace hearth::server

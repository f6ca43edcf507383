#include "server/session/queue_places.h"

#include <algorithm>
#include <vector>

namespace hearth::server {
namespace {

using WorkOfUsers = std::unordered_map<UserId, std::vector<ExpectedWork>, IdHash>;

// A held reply begins when another of its user's ends, and not before those that wait in the
// engine.
void tell_held(std::span<Reply* const> all, std::span<Reply* const> held,
               const QueueForecast& forecast, QueuePlace place, Milliseconds not_before) {
  WorkOfUsers running;
  for (Reply* const reply : all) {
    if (reply->phase() == Reply::Phase::submitted)
      running[reply->owner()].push_back(reply->expected_work(forecast));
  }
  WorkOfUsers before;
  for (Reply* const reply : held) {
    std::vector<ExpectedWork>& line = before[reply->owner()];
    line.push_back(reply->expected_work(forecast));
    ++place.position;
    const auto starts = forecast.start_times(running[reply->owner()], line);
    if (!starts.empty()) place.eta_ms = std::max(starts.back(), not_before).count();
    reply->tell_place(place);
    place.ahead_tokens += line.back().tokens();
  }
}

}  // namespace

// What the running replies have written since the last time. A reply counts from its second time
// on.
void QueuePlaces::measure(std::span<Reply* const> all, Instant now) {
  std::int64_t written = 0;
  int num_measured = 0;
  for (Reply* const reply : all) {
    if (!reply->is_running()) continue;
    const std::size_t to = reply->text().to();
    const auto [known, is_new] = measured_.try_emplace(reply->id(), to);
    if (is_new) continue;
    written += static_cast<std::int64_t>(to - known->second);
    known->second = to;
    ++num_measured;
  }
  forecast_.note_progress(written, num_measured,
                          std::chrono::duration_cast<Milliseconds>(now - told_at_));
}

void QueuePlaces::tell(std::span<Reply* const> all, std::span<Reply* const> held, Instant now,
                       Milliseconds every) {
  if (is_due(now, every)) measure(all, now);
  told_at_ = now;
  std::vector<ExpectedWork> running;
  std::vector<Reply*> waiting;
  QueuePlace place;
  for (Reply* const reply : all) {
    if (reply->is_queued()) ++place.of;
    if (reply->is_running()) running.push_back(reply->expected_work(forecast_));
    if (reply->phase() == Reply::Phase::submitted && reply->is_queued()) waiting.push_back(reply);
  }
  std::sort(waiting.begin(), waiting.end(), [](const Reply* a, const Reply* b) {
    return a->engine_position() < b->engine_position();
  });
  std::vector<ExpectedWork> in_line;
  for (const Reply* const reply : waiting) in_line.push_back(reply->expected_work(forecast_));
  const std::vector<Milliseconds> starts = forecast_.start_times(running, in_line);
  for (const ExpectedWork& work : running) place.ahead_tokens += work.tokens();
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    place.position = waiting[i]->engine_position() + 1;
    if (!starts.empty()) place.eta_ms = starts[i].count();
    waiting[i]->tell_place(place);
    place.ahead_tokens += in_line[i].tokens();
  }
  tell_held(all, held, forecast_,
            {.position = static_cast<std::int64_t>(waiting.size()),
             .of = place.of,
             .ahead_tokens = place.ahead_tokens},
            starts.empty() ? Milliseconds(0) : starts.back());
}

}  // namespace hearth::server

#include "server/session/queue_forecast.h"

#include <algorithm>
#include <functional>
#include <queue>

namespace hearth::server {
namespace {

constexpr double kSpeedWeight = 0.25;  // of the newest interval
constexpr double kLengthWeight = 0.1;  // of the newest reply
constexpr double kPrefillFactor =
    0.1;  // a prompt token's time, in reply tokens: a guess on the safe side

double blend(double old, double fresh, double weight) { return old + weight * (fresh - old); }

}  // namespace

void QueueForecast::note_progress(std::int64_t written, int running, Milliseconds duration) {
  if (running <= 0 || duration.count() <= 0) return;
  const double seconds = static_cast<double>(duration.count()) / 1000.0;
  const double speed = static_cast<double>(written) / seconds / running;
  // A first interval without a token is a prompt being read, not a speed.
  if (!tokens_per_s_ && written == 0) return;
  tokens_per_s_ = tokens_per_s_ ? blend(*tokens_per_s_, speed, kSpeedWeight) : speed;
}

void QueueForecast::note_end(std::int64_t reply_tokens) {
  usual_tokens_ = blend(usual_tokens_, static_cast<double>(reply_tokens), kLengthWeight);
}

std::int64_t QueueForecast::expected_tokens(std::int64_t written, std::int64_t max_tokens) const {
  // One that is longer than usual already will go on for a while.
  const std::int64_t usual = static_cast<std::int64_t>(usual_tokens_);
  const std::int64_t left = std::max(usual - written, usual / 4);
  return std::clamp<std::int64_t>(left, 0, std::max<std::int64_t>(0, max_tokens - written));
}

Milliseconds QueueForecast::duration_of(const ExpectedWork& work) const {
  const double tokens = static_cast<double>(work.reply_tokens) +
                        kPrefillFactor * static_cast<double>(work.prompt_tokens);
  const double speed = std::max(*tokens_per_s_, 0.01);
  return Milliseconds(static_cast<std::int64_t>(1000.0 * tokens / speed));
}

std::vector<Milliseconds> QueueForecast::start_times(
    const std::vector<ExpectedWork>& running, const std::vector<ExpectedWork>& waiting) const {
  if (!tokens_per_s_) return {};
  std::priority_queue<Milliseconds, std::vector<Milliseconds>, std::greater<>> ends;
  for (const ExpectedWork& work : running) ends.push(duration_of(work));
  if (ends.empty()) ends.push(Milliseconds(0));
  std::vector<Milliseconds> starts;
  for (const ExpectedWork& work : waiting) {
    const Milliseconds start = ends.top();
    ends.pop();
    starts.push_back(start);
    ends.push(start + duration_of(work));
  }
  return starts;
}

}  // namespace hearth::server

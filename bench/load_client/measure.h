// What was observed of replies, and the figures made of it (performance §3.4).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hearth::bench {

// A `delta` as it arrived.
struct Frame {
  double at_s = 0.0;
  std::int64_t num_tokens = 0;
};

// One message and its reply. Times are seconds of the run; −1: never came.
struct TurnRecord {
  std::string group;
  std::int64_t message = 0;  // of its person, from 0
  double intended_s = 0.0;   // when it should have been sent; what a late sender adds counts too
  double end_s = -1.0;
  std::vector<Frame> frames;
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::string conversation;
  std::string failure;  // an error code, "closed" or "timeout"; empty: it ended with stop or length

  double first_s() const { return frames.empty() ? -1.0 : frames.front().at_s; }
  double ttft_ms() const { return 1e3 * (first_s() - intended_s); }
  std::int64_t computed_tokens() const { return prompt_tokens - cached_tokens; }
};

struct Quantiles {
  double p50 = 0.0;
  double p95 = 0.0;
  double p99 = 0.0;
};

// The smallest value that at least that share of the values does not exceed; 0 of none.
double quantile(std::vector<double> values, double share);
Quantiles quantiles(const std::vector<double>& values);

struct Span {
  double from_s = 0.0;
  double to_s = 1e18;
};

// Between frames of one reply that came within the span, ms.
std::vector<double> frame_gaps_ms(const std::vector<TurnRecord>& turns, const Span& span = {});

struct Figures {
  std::int64_t num_requests = 0;
  std::map<std::string, std::int64_t> failures;  // by code
  Quantiles ttft_ms;
  Quantiles frame_gap_ms;          // as people see it: tokens that came together are one frame
  Quantiles token_gap_ms;          // each token of a frame gets its share of the gap
  double tokens_per_s_each = 0.0;  // median of the replies, from the first token on
  double tokens_per_s_all = 0.0;   // from the first message to the last end
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t completion_tokens = 0;
};

Figures figures_of(const std::vector<TurnRecord>& turns);

// Those of one group.
std::vector<TurnRecord> of_group(const std::vector<TurnRecord>& turns, const std::string& group);

}  // namespace hearth::bench

#include "bench/load_client/measure.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace hearth::bench {

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0.0;
  std::ranges::sort(values);
  const double place = std::ceil(share * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(place, 1.0)) - 1];
}

Quantiles quantiles(const std::vector<double>& values) {
  return {quantile(values, 0.50), quantile(values, 0.95), quantile(values, 0.99)};
}

std::vector<double> frame_gaps_ms(const std::vector<TurnRecord>& turns, const Span& span) {
  std::vector<double> gaps;
  for (const TurnRecord& turn : turns) {
    for (std::size_t i = 1; i < turn.frames.size(); ++i) {
      const double at_s = turn.frames[i].at_s;
      if (at_s < span.from_s || at_s > span.to_s) continue;
      gaps.push_back(1e3 * (at_s - turn.frames[i - 1].at_s));
    }
  }
  return gaps;
}

Figures figures_of(const std::vector<TurnRecord>& turns) {
  Figures figures;
  std::vector<double> ttft;
  std::vector<double> token_gaps;
  std::vector<double> speeds;
  double begin_s = 1e18;
  double end_s = 0.0;
  for (const TurnRecord& turn : turns) {
    ++figures.num_requests;
    if (!turn.failure.empty()) ++figures.failures[turn.failure];
    figures.prompt_tokens += turn.prompt_tokens;
    figures.cached_tokens += turn.cached_tokens;
    figures.completion_tokens += turn.completion_tokens;
    if (turn.frames.empty()) continue;
    begin_s = std::min(begin_s, turn.intended_s);
    end_s = std::max(end_s, turn.frames.back().at_s);
    ttft.push_back(turn.ttft_ms());
    std::int64_t num_after_first = 0;
    for (std::size_t i = 1; i < turn.frames.size(); ++i) {
      const auto count = turn.frames[i].num_tokens;
      const double gap_ms = 1e3 * (turn.frames[i].at_s - turn.frames[i - 1].at_s);
      token_gaps.insert(token_gaps.end(), static_cast<std::size_t>(count),
                        gap_ms / static_cast<double>(count));
      num_after_first += count;
    }
    const double took_s = turn.frames.back().at_s - turn.first_s();
    if (took_s > 0.0) speeds.push_back(static_cast<double>(num_after_first) / took_s);
  }
  figures.ttft_ms = quantiles(ttft);
  figures.frame_gap_ms = quantiles(frame_gaps_ms(turns));
  figures.token_gap_ms = quantiles(token_gaps);
  figures.tokens_per_s_each = quantile(speeds, 0.5);
  if (end_s > begin_s)
    figures.tokens_per_s_all = static_cast<double>(figures.completion_tokens) / (end_s - begin_s);
  return figures;
}

std::vector<TurnRecord> of_group(const std::vector<TurnRecord>& turns, const std::string& group) {
  std::vector<TurnRecord> some;
  std::ranges::copy_if(turns, std::back_inserter(some),
                       [&](const TurnRecord& turn) { return turn.group == group; });
  return some;
}

}  // namespace hearth::bench

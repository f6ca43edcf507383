#include "engine/sampling/draw_inspector.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "engine/sampling/row_math.h"

namespace hearth::engine {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

bool are_processed(const Draw& draw) { return draw.scores.data() != draw.logits.data(); }

float score_of(const Draw& draw, TokenId id) { return draw.scores[static_cast<std::size_t>(id)]; }

// Unless it is there.
void add(const Draw& draw, TokenId id, TokenCandidates& out) {
  const auto is_it = [id](const InspectedCandidate& candidate) { return candidate.id == id; };
  if (std::ranges::any_of(out.candidates, is_it)) return;
  const float score = score_of(draw, id);
  out.candidates.push_back(
      {.id = id,
       .logit = draw.logits[static_cast<std::size_t>(id)],
       .score = score,
       .cut_by = score == kBanned ? SamplingStage::penalties : SamplingStage::raw});
}

SamplingStage stage_of(std::string_view warper) {
  for (const SamplingStage stage :
       {SamplingStage::top_p, SamplingStage::min_p, SamplingStage::typical_p,
        SamplingStage::epsilon_cutoff, SamplingStage::eta_cutoff}) {
    if (warper == to_string(stage)) return stage;
  }
  return SamplingStage::eta_cutoff;  // not reached: a test compares with warpers()
}

void measure_raw(const Draw& draw, TokenCandidates& out) {
  // The highest logits are among the candidates.
  const float highest =
      std::ranges::max_element(out.candidates, {}, &InspectedCandidate::logit)->logit;
  const ExpMoments moments = exp_moments(draw.logits, highest);
  const double log_sum = std::log(moments.sum);
  out.entropy = static_cast<float>(log_sum - moments.weighted / moments.sum);
  out.stages.push_back({.stage = SamplingStage::raw,
                        .log_total = static_cast<float>(static_cast<double>(highest) + log_sum),
                        .num_left = static_cast<std::int32_t>(moments.num_finite)});
}

// The scores that equal the last listed one and are not listed belong to the tail.
std::int64_t num_unlisted_ties(const Draw& draw, const TokenCandidates& out, float least) {
  const auto listed_end = out.candidates.begin() + static_cast<std::ptrdiff_t>(out.num_listed);
  return count_against(draw.scores, least).num_equal -
         std::count_if(out.candidates.begin(), listed_end,
                       [least](const InspectedCandidate& c) { return c.score == least; });
}

void keep_tail(const Draw& draw, const ScoreSums& sums, TokenCandidates& out) {
  std::ranges::fill(out.log_tail, kBanned);
  if (out.num_listed < TokenCandidates::kListedMax) return;
  const float highest = out.candidates.front().score;
  const float least = out.candidates[out.num_listed - 1].score;
  const auto num_ties = static_cast<double>(num_unlisted_ties(draw, out, least));
  for (std::size_t i = 0; i < sums.tail.size(); ++i) {
    const double beta = static_cast<double>(TokenCandidates::kTailBetas[i]);
    const double tie = std::exp(beta * (static_cast<double>(least) - static_cast<double>(highest)));
    out.log_tail[i] = static_cast<float>(std::log(sums.tail[i] + num_ties * tie));
  }
}

}  // namespace

TokenCandidates DrawInspector::inspect(const Draw& draw) {
  TokenCandidates out;
  out.u = draw.u;
  list(draw, out);
  measure_raw(draw, out);
  const float highest = out.candidates.front().score;  // the chosen token has one at least
  const double scale = draw.params.do_sample ? 1.0 / draw.params.temperature : 1.0;
  const ScoreSums sums =
      score_sums(draw.scores, highest, scale,
                 out.candidates[std::max<std::size_t>(out.num_listed, 1) - 1].score);
  const auto num_left = static_cast<std::int32_t>(sums.num_finite);
  if (are_processed(draw)) {
    out.stages.push_back(
        {.stage = SamplingStage::penalties,
         .log_total = static_cast<float>(static_cast<double>(highest) + std::log(sums.sum)),
         .num_left = num_left});
  }
  if (draw.params.do_sample) warp(draw, highest, sums.scaled, out);
  keep_tail(draw, sums, out);
  return out;
}

void DrawInspector::list(const Draw& draw, TokenCandidates& out) {
  select_likeliest(draw.scores, TokenCandidates::kListedMax, selected_);
  std::erase_if(selected_, [](const Candidate& candidate) { return candidate.score == kBanned; });
  out.num_listed = selected_.size();
  for (const Candidate& candidate : selected_) add(draw, candidate.id, out);
  if (are_processed(draw)) {
    select_likeliest(draw.logits, TokenCandidates::kRawListed, selected_);
    for (const Candidate& candidate : selected_) add(draw, candidate.id, out);
  }
  add(draw, draw.id, out);
}

// What left_ holds is what the stage kept.
void DrawInspector::record(SamplingStage stage, double highest, TokenCandidates& out) const {
  const std::span<const Candidate> kept = left_.kept();
  out.stages.push_back({.stage = stage,
                        .log_total = static_cast<float>(highest + std::log(left_.total())),
                        .num_left = static_cast<std::int32_t>(kept.size())});
  for (InspectedCandidate& candidate : out.candidates) {
    if (candidate.cut_by != SamplingStage::raw) continue;
    if (!std::ranges::binary_search(kept, candidate.id, {}, &Candidate::id))
      candidate.cut_by = stage;
  }
}

void DrawInspector::warp(const Draw& draw, float highest, double sum, TokenCandidates& out) {
  const SamplingParams& params = draw.params;
  // As Candidates divides: in float.
  const auto scaled = static_cast<double>(highest / static_cast<float>(params.temperature));
  if (params.temperature != 1.0) {
    out.stages.push_back({.stage = SamplingStage::temperature,
                          .log_total = static_cast<float>(scaled + std::log(sum)),
                          .num_left = out.stages.back().num_left});
  }
  const bool has_top_k = params.top_k > 0;
  const auto is_on = [&](const Warper& warper) { return warper.is_on(params); };
  if (!has_top_k && std::ranges::none_of(warpers(), is_on)) return;
  if (!left_.assign(draw.scores, params.temperature, params.top_k)) return;
  if (has_top_k) record(SamplingStage::top_k, scaled, out);
  for (const Warper& warper : warpers()) {
    if (!warper.is_on(params)) continue;
    warper.apply(params, left_);
    record(stage_of(warper.name), scaled, out);
  }
}

}  // namespace hearth::engine

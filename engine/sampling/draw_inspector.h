// A draw looked at stage by stage, for the inspector. It repeats what the sampler did, on a row
// that somebody asked about; other rows never come here.
#pragma once

#include <span>
#include <vector>

#include "engine/base/token_id.h"
#include "engine/sampling/candidates.h"
#include "engine/sampling/sampling_params.h"
#include "engine/sampling/token_candidates.h"

namespace hearth::engine {

struct Draw {
  const SamplingParams& params;
  std::span<const float> logits;  // [V], usable: see RowMaximum
  std::span<const float> scores;  // [V] after the processors; the logits themselves when none is on
  TokenId id = 0;                 // what was drawn, or forced
  float u = 0.0F;
};

// Scratch that is used again for every token. One thread.
class DrawInspector {
 public:
  TokenCandidates inspect(const Draw& draw);

 private:
  void list(const Draw& draw, TokenCandidates& out);
  // highest: score; sum: of the whole row after temperature, relative to the highest
  void warp(const Draw& draw, float highest, double sum, TokenCandidates& out);
  void record(SamplingStage stage, double highest, TokenCandidates& out) const;

  std::vector<Candidate> selected_;
  Candidates left_;
};

}  // namespace hearth::engine

#include "engine/sampling/token_candidates.h"

#include <cmath>

namespace hearth::engine {

const char* to_string(SamplingStage stage) {
  switch (stage) {
    case SamplingStage::raw:
      return "raw";
    case SamplingStage::penalties:
      return "penalties";
    case SamplingStage::temperature:
      return "temperature";
    case SamplingStage::top_k:
      return "top_k";
    case SamplingStage::top_p:
      return "top_p";
    case SamplingStage::min_p:
      return "min_p";
    case SamplingStage::typical_p:
      return "typical_p";
    case SamplingStage::epsilon_cutoff:
      return "epsilon_cutoff";
    case SamplingStage::eta_cutoff:
      return "eta_cutoff";
  }
  return "raw";
}

std::vector<float> probabilities_of(const InspectedCandidate& candidate,
                                    const std::vector<InspectedStage>& stages, double temperature) {
  std::vector<float> out;
  out.reserve(stages.size());
  bool is_cut = false;
  for (const InspectedStage& stage : stages) {
    is_cut = is_cut || (candidate.cut_by != SamplingStage::raw && candidate.cut_by <= stage.stage);
    double x = static_cast<double>(candidate.score);
    if (stage.stage == SamplingStage::raw) {
      x = static_cast<double>(candidate.logit);
    } else if (stage.stage > SamplingStage::penalties) {
      x /= temperature;
    }
    out.push_back(is_cut ? 0.0F
                         : static_cast<float>(std::exp(x - static_cast<double>(stage.log_total))));
  }
  return out;
}

}  // namespace hearth::engine

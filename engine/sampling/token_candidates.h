// What the inspector keeps of one draw: the likeliest tokens with their scores, and how each stage
// of sampling thinned them out. Plain data; a reply is traced with it only when its owner asked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/token_id.h"

namespace hearth::engine {

// In the order in which they act. A stage whose parameter is off does not appear.
enum class SamplingStage : std::uint8_t {
  raw,        // the model's own distribution
  penalties,  // after all that changes scores by the text so far
  temperature,
  top_k,
  top_p,
  min_p,
  typical_p,
  epsilon_cutoff,
  eta_cutoff,
};

// "raw", "penalties", "temperature", …: the parameter's name where there is one.
const char* to_string(SamplingStage stage);

struct InspectedCandidate {
  TokenId id = 0;
  float logit = 0.0F;
  float score = 0.0F;                         // after the penalties; −inf: banned
  SamplingStage cut_by = SamplingStage::raw;  // the stage that removed it; raw: none did
  bool operator==(const InspectedCandidate&) const = default;
};

// The probability of candidate c after a stage that did not cut it is exp(x − log_total), where x
// is c.logit for raw, c.score for penalties, and c.score / temperature for the others.
struct InspectedStage {
  SamplingStage stage = SamplingStage::raw;
  float log_total = 0.0F;
  std::int32_t num_left = 0;  // tokens
  bool operator==(const InspectedStage&) const = default;
};

struct TokenCandidates {
  static constexpr std::size_t kListedMax = 64;  // as many as the draw walks before it goes by id
  static constexpr std::size_t kRawListed = 20;
  static constexpr std::array<float, 8> kTailBetas{0.5F, 0.75F, 1.0F, 1.25F,
                                                   1.5F, 2.0F,  3.0F, 4.0F};

  // The num_listed of highest score, highest first (equal scores by id); then those of the
  // kRawListed highest logits, and the token itself, that are not among them.
  std::vector<InspectedCandidate> candidates;
  std::size_t num_listed = 0;
  std::vector<InspectedStage> stages;
  float u = 0.0F;        // the uniform number of this place, also when nothing was drawn
  float entropy = 0.0F;  // of the raw distribution, nats
  // ln Σ exp(β · (score − highest score)) over all tokens that are not listed, for each of
  // kTailBetas; −inf: there are none.
  std::array<float, 8> log_tail{};

  bool operator==(const TokenCandidates&) const = default;
};

// After each of `stages`, in order; 0 once it is cut.
//   temperature: of the request, > 0
std::vector<float> probabilities_of(const InspectedCandidate& candidate,
                                    const std::vector<InspectedStage>& stages, double temperature);

}  // namespace hearth::engine

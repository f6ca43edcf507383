// Logits to token: processors, warpers, draw. Also the same in slow motion, stage by stage, for the
// inspector and the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/token_id.h"
#include "engine/runtime/request.h"
#include "engine/sampling/candidates.h"
#include "engine/sampling/draw_inspector.h"
#include "engine/sampling/sampling_params.h"
#include "engine/sampling/token_candidates.h"
#include "engine/sampling/token_constraint.h"
namespace hearth::engine {

struct SampleInput {
  std::span<const float> logits;  // [V], as the model gave them
  std::span<const TokenId> ids;  // prompt, then generated; the drawn token's position is ids.size()
  std::size_t num_prompt = 0;
  std::span<const TokenId> eos_ids;
  std::uint64_t seed = 0;
  std::int64_t num_top = 0;               // raw candidates wanted in top_logprobs()
  std::optional<TokenId> forced{};        // takes the place of the draw; in the vocabulary
  TokenConstraint* constraint = nullptr;  // of what is drawn, after the processors; not owned
  bool is_inspected = false;              // fill candidates()
};

// What a stage left: its name (the parameter's, as in transformers) and every token's probability.
struct SampleStage {
  std::string_view name;
  std::vector<float> probs;  // [V]
};

// One per thread; its scratch grows to the vocabulary once.
class Sampler {
 public:
  // params are validated. Errors: engine_failed when the model gave no usable number or the
  // settings left no token.
  Result<TokenRecord> sample(const SamplingParams& params, const SampleInput& input);

  // Of the last sample(): the num_top likeliest by the raw distribution, likeliest first. Valid
  // until the next call.
  std::span<const TopLogprob> top_logprobs() const { return top_; }

  // Of the last sample() that was inspected. Valid until the next call.
  TokenCandidates& candidates() { return inspected_; }

  // The stages that changed a probability, in order. The last one's probabilities are the ones
  // sample() draws from (greedy takes their first maximum); without any they are those of the
  // logits. Errors as above.
  struct Trace {
    std::vector<SampleStage> stages;
    std::vector<float> probs;  // [V], at the end
  };
  Result<Trace> trace(const SamplingParams& params, const SampleInput& input);

 private:
  std::span<const float> process(const SamplingParams& params, const SampleInput& input);
  Result<TokenId> choose(const SamplingParams& params, const SampleInput& input,
                         std::span<const float> scores, float u);
  void measure(const SampleInput& input, bool is_likeliest, TokenRecord& token);

  std::vector<float> scores_;
  std::vector<std::int32_t> counts_;
  std::vector<Candidate> selected_;
  std::vector<TopLogprob> top_;
  Candidates candidates_;
  DrawInspector inspector_;
  TokenCandidates inspected_;
};

}  // namespace hearth::engine

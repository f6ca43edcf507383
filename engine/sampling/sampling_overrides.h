// Sampling settings that somebody gave: the request (command line, WebSocket, OpenAI) or the
// folder's generation_config.json. resolve() merges them: request > folder > transformers' defaults
// (DESIGN §10, models §7.5).
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/token_id.h"
#include "engine/sampling/sampling_params.h"

namespace hearth::engine {

// An empty field was not given.
struct SamplingOverrides {
  std::optional<bool> do_sample;
  std::optional<double> temperature;  // 0 is greedy
  std::optional<std::int64_t> top_k;
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> typical_p;
  std::optional<double> epsilon_cutoff;
  std::optional<double> eta_cutoff;
  std::optional<double> repetition_penalty;
  std::optional<double> presence_penalty;
  std::optional<double> frequency_penalty;
  std::optional<std::int64_t> no_repeat_ngram_size;
  std::optional<std::int64_t> min_new_tokens;
  std::optional<std::vector<std::pair<TokenId, double>>> logit_bias;
  std::optional<std::vector<std::vector<TokenId>>> bad_words_ids;
  std::optional<std::vector<TokenId>> suppress_tokens;
  std::optional<std::vector<TokenId>> begin_suppress_tokens;
};

// do_sample = request.temperature given ? temperature > 0 : folder's do_sample. top_k is
// transformers' 50 when sampling and nobody set it. Errors: invalid_parameter, naming the
// parameter, its range and the value (NaN and infinity included).
Result<SamplingParams> resolve(const SamplingOverrides& request, const SamplingOverrides& folder);

// The range checks alone, for parameters that came from elsewhere. Errors: invalid_parameter.
Result<void> validate(const SamplingParams& params);

}  // namespace hearth::engine

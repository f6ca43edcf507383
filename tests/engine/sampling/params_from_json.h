// Sampling parameters under transformers' names, as tests/golden/sampler.json writes them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/sampling/sampling_params.h"

namespace hearth::engine::test {

inline SamplingParams params_from_json(const nlohmann::json& json, bool do_sample) {
  SamplingParams params;
  params.do_sample = do_sample;
  const auto take = [&json](const char* name, auto& target) {
    if (json.contains(name)) json.at(name).get_to(target);
  };
  take("temperature", params.temperature);
  take("top_k", params.top_k);
  take("top_p", params.top_p);
  take("min_p", params.min_p);
  take("typical_p", params.typical_p);
  take("epsilon_cutoff", params.epsilon_cutoff);
  take("eta_cutoff", params.eta_cutoff);
  take("repetition_penalty", params.repetition_penalty);
  take("presence_penalty", params.presence_penalty);
  take("frequency_penalty", params.frequency_penalty);
  take("no_repeat_ngram_size", params.no_repeat_ngram_size);
  take("min_length", params.min_length);
  take("min_new_tokens", params.min_new_tokens);
  take("bad_words_ids", params.bad_words_ids);
  take("suppress_tokens", params.suppress_tokens);
  take("begin_suppress_tokens", params.begin_suppress_tokens);
  return params;
}

}  // namespace hearth::engine::test

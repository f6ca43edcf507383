// How a token is chosen from logits. Names and meanings are transformers' (models §7.5–7.6), plus
// OpenAI's two penalties.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/base/token_id.h"

namespace hearth::engine {

// Each default means "off". Validated before it reaches the engine (validate in
// sampling_params.cpp): all finite, in range.
struct SamplingParams {
  bool do_sample = false;           // false: greedy, the first maximum after the processors
  double temperature = 1.0;         // > 0
  std::int64_t top_k = 0;           // 0: off
  double top_p = 1.0;               // (0, 1]; 0 keeps one
  double min_p = 0.0;               // [0, 1]
  double typical_p = 1.0;           // (0, 1]
  double epsilon_cutoff = 0.0;      // [0, 1)
  double eta_cutoff = 0.0;          // [0, 1)
  double repetition_penalty = 1.0;  // > 0, over prompt and generated ids
  double encoder_repetition_penalty = 1.0;
  double presence_penalty = 0.0;  // over generated ids only, OpenAI's formula
  double frequency_penalty = 0.0;
  std::int64_t no_repeat_ngram_size = 0;
  std::int64_t min_length = 0;  // prompt + generated
  std::int64_t min_new_tokens = 0;
  std::vector<std::pair<std::vector<TokenId>, double>>
      sequence_bias;  // logit_bias is length-1 entries
  std::vector<std::vector<TokenId>> bad_words_ids;
  std::vector<TokenId> suppress_tokens;
  std::vector<TokenId> begin_suppress_tokens;
  bool remove_invalid_values = false;
  bool renormalize_logits = false;
  struct ExponentialDecay {
    std::int64_t start = 0;  // generated tokens before it begins
    double factor = 1.0;
  };
  ExponentialDecay exponential_decay_length_penalty;  // factor 1: off
  std::int64_t forced_bos_token_id = -1;              // −1: off
  std::vector<TokenId> forced_eos_token_ids;
  std::int64_t max_length = 0;  // only for forced eos; 0: unknown
};

}  // namespace hearth::engine

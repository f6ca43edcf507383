// Processors change scores by what the text so far holds: transformers' logits processors, in
// transformers' order (models §7.6, numbers 2 to 16), then OpenAI's presence and frequency
// penalties. They run for greedy and for sampled requests.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/token_id.h"
#include "engine/sampling/sampling_params.h"

namespace hearth::engine {

struct ProcessorContext {
  std::span<const TokenId> ids;  // prompt, then generated
  std::size_t num_prompt = 0;
  std::span<const TokenId> eos_ids;
  std::span<std::int32_t> counts;  // [V] scratch, all zero before and after

  std::span<const TokenId> prompt() const { return ids.first(num_prompt); }
  std::span<const TokenId> generated() const { return ids.subspan(num_prompt); }
};

// Ids outside the vocabulary, in the text as in the parameters, have no score to change and are
// passed over.
struct Processor {
  std::string_view name;  // the parameter's
  bool (*is_on)(const SamplingParams& params);
  // scores: [V], changed in place; −inf bans a token
  void (*apply)(const SamplingParams& params, const ProcessorContext& context,
                std::span<float> scores);
};

// In the order in which they run.
std::span<const Processor> processors();

}  // namespace hearth::engine

#include "engine/sampling/processors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace hearth::engine {
namespace {

using Params = SamplingParams;
using Context = ProcessorContext;
using Scores = std::span<float>;

constexpr float kBanned = -std::numeric_limits<float>::infinity();

bool has(Scores scores, TokenId id) {
  return id >= 0 && static_cast<std::size_t>(id) < scores.size();
}

void add(Scores scores, TokenId id, float bias) {
  if (has(scores, id)) scores[static_cast<std::size_t>(id)] += bias;
}

void ban(Scores scores, std::span<const TokenId> ids) {
  for (const TokenId id : ids) {
    if (has(scores, id)) scores[static_cast<std::size_t>(id)] = kBanned;
  }
}

void force(Scores scores, std::span<const TokenId> ids) {
  std::ranges::fill(scores, kBanned);
  for (const TokenId id : ids) {
    if (has(scores, id)) scores[static_cast<std::size_t>(id)] = 0.0F;
  }
}

// Calls visit(score, count) once for each distinct id.
template <class Visit>
void for_each_distinct(std::span<const TokenId> ids, const Context& context, Scores scores,
                       Visit visit) {
  for (const TokenId id : ids) {
    if (has(scores, id)) ++context.counts[static_cast<std::size_t>(id)];
  }
  for (const TokenId id : ids) {
    if (!has(scores, id)) continue;
    std::int32_t& count = context.counts[static_cast<std::size_t>(id)];
    if (count == 0) continue;
    visit(scores[static_cast<std::size_t>(id)], static_cast<float>(count));
    count = 0;
  }
}

// True when the text ends with all of `sequence` but its last id. Like transformers, a sequence
// longer than the text never matches.
bool is_next(std::span<const TokenId> sequence, std::span<const TokenId> ids) {
  if (sequence.empty()) return false;
  const std::size_t num_prefix = sequence.size() - 1;
  if (num_prefix == 0) return true;
  if (sequence.size() > ids.size()) return false;
  return std::ranges::equal(sequence.first(num_prefix), ids.last(num_prefix));
}

void sequence_bias(const Params& params, const Context& context, Scores scores) {
  for (const auto& [sequence, bias] : params.sequence_bias) {
    if (is_next(sequence, context.ids)) add(scores, sequence.back(), static_cast<float>(bias));
  }
}

void repeat(std::span<const TokenId> ids, double penalty, const Context& context, Scores scores) {
  const auto p = static_cast<float>(penalty);
  for_each_distinct(ids, context, scores,
                    [p](float& score, float) { score = score < 0.0F ? score * p : score / p; });
}

void encoder_repetition_penalty(const Params& params, const Context& context, Scores scores) {
  repeat(context.prompt(), 1.0 / params.encoder_repetition_penalty, context, scores);
}

void repetition_penalty(const Params& params, const Context& context, Scores scores) {
  repeat(context.ids, params.repetition_penalty, context, scores);
}

void no_repeat_ngram_size(const Params& params, const Context& context, Scores scores) {
  const auto size = static_cast<std::size_t>(params.no_repeat_ngram_size);
  const std::span<const TokenId> ids = context.ids;
  if (ids.size() < size) return;
  const auto end = ids.last(size - 1);
  for (std::size_t begin = 0; begin + size <= ids.size(); ++begin) {
    if (std::ranges::equal(ids.subspan(begin, size - 1), end))
      ban(scores, ids.subspan(begin + size - 1, 1));
  }
}

void bad_words_ids(const Params& params, const Context& context, Scores scores) {
  for (const std::vector<TokenId>& word : params.bad_words_ids) {
    const bool is_eos =
        word.size() == 1 && std::ranges::find(context.eos_ids, word[0]) != context.eos_ids.end();
    if (!is_eos && is_next(word, context.ids)) ban(scores, std::span(word).last(1));
  }
}

void min_length(const Params& params, const Context& context, Scores scores) {
  if (std::cmp_less(context.ids.size(), params.min_length)) ban(scores, context.eos_ids);
}

void min_new_tokens(const Params& params, const Context& context, Scores scores) {
  if (std::cmp_less(context.generated().size(), params.min_new_tokens))
    ban(scores, context.eos_ids);
}

void forced_bos_token_id(const Params& params, const Context& context, Scores scores) {
  if (context.ids.size() == 1)
    force(scores, std::array{static_cast<TokenId>(params.forced_bos_token_id)});
}

void forced_eos_token_id(const Params& params, const Context& context, Scores scores) {
  if (std::cmp_equal(context.ids.size() + 1, params.max_length))
    force(scores, params.forced_eos_token_ids);
}

void remove_invalid_values(const Params&, const Context&, Scores scores) {
  constexpr float kMax = std::numeric_limits<float>::max();
  for (float& score : scores) score = std::isnan(score) ? 0.0F : std::clamp(score, -kMax, kMax);
}

void exponential_decay_length_penalty(const Params& params, const Context& context, Scores scores) {
  const auto& decay = params.exponential_decay_length_penalty;
  const auto num_past = static_cast<std::int64_t>(context.generated().size()) - decay.start;
  if (num_past <= 0) return;
  const auto factor =
      static_cast<float>(std::pow(decay.factor, static_cast<double>(num_past)) - 1.0);
  for (const TokenId id : context.eos_ids) {
    if (has(scores, id)) add(scores, id, std::abs(scores[static_cast<std::size_t>(id)]) * factor);
  }
}

void suppress_tokens(const Params& params, const Context&, Scores scores) {
  ban(scores, params.suppress_tokens);
}

void begin_suppress_tokens(const Params& params, const Context& context, Scores scores) {
  // With a forced first token, the reply begins one later.
  const bool is_bos_first = context.num_prompt <= 1 && params.forced_bos_token_id >= 0;
  if (context.generated().size() == (is_bos_first ? 1U : 0U))
    ban(scores, params.begin_suppress_tokens);
}

void presence_frequency(const Params& params, const Context& context, Scores scores) {
  const auto presence = static_cast<float>(params.presence_penalty);
  const auto frequency = static_cast<float>(params.frequency_penalty);
  for_each_distinct(context.generated(), context, scores, [=](float& score, float count) {
    score = score - frequency * count - presence;
  });
}

constexpr std::array kProcessors{
    Processor{"sequence_bias", [](const Params& p) { return !p.sequence_bias.empty(); },
              sequence_bias},
    Processor{"encoder_repetition_penalty",
              [](const Params& p) { return p.encoder_repetition_penalty != 1.0; },
              encoder_repetition_penalty},
    Processor{"repetition_penalty", [](const Params& p) { return p.repetition_penalty != 1.0; },
              repetition_penalty},
    Processor{"no_repeat_ngram_size", [](const Params& p) { return p.no_repeat_ngram_size > 0; },
              no_repeat_ngram_size},
    Processor{"bad_words_ids", [](const Params& p) { return !p.bad_words_ids.empty(); },
              bad_words_ids},
    Processor{"min_length", [](const Params& p) { return p.min_length > 0; }, min_length},
    Processor{"min_new_tokens", [](const Params& p) { return p.min_new_tokens > 0; },
              min_new_tokens},
    Processor{"forced_bos_token_id", [](const Params& p) { return p.forced_bos_token_id >= 0; },
              forced_bos_token_id},
    Processor{"forced_eos_token_id",
              [](const Params& p) { return !p.forced_eos_token_ids.empty(); }, forced_eos_token_id},
    Processor{"remove_invalid_values", [](const Params& p) { return p.remove_invalid_values; },
              remove_invalid_values},
    Processor{"exponential_decay_length_penalty",
              [](const Params& p) { return p.exponential_decay_length_penalty.factor != 1.0; },
              exponential_decay_length_penalty},
    Processor{"suppress_tokens", [](const Params& p) { return !p.suppress_tokens.empty(); },
              suppress_tokens},
    Processor{"begin_suppress_tokens",
              [](const Params& p) { return !p.begin_suppress_tokens.empty(); },
              begin_suppress_tokens},
    Processor{
        "presence_frequency",
        [](const Params& p) { return p.presence_penalty != 0.0 || p.frequency_penalty != 0.0; },
        presence_frequency},
};

}  // namespace

std::span<const Processor> processors() { return kProcessors; }

}  // namespace hearth::engine

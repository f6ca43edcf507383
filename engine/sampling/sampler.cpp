#include "engine/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/sampling/philox.h"
#include "engine/sampling/processors.h"
#include "engine/sampling/row_math.h"

namespace hearth::engine {
namespace {

tl::unexpected<Error> fail_without_token(std::span<const float> logits) {
  const bool is_model = !first_maximum(logits).is_usable;
  return fail(ErrorCode::engine_failed, is_model
                                            ? "the model gave logits that are not numbers"
                                            : "the sampling settings leave no token to choose");
}

ProcessorContext context_of(const SampleInput& input, std::vector<std::int32_t>& counts) {
  counts.resize(input.logits.size());
  return {
      .ids = input.ids, .num_prompt = input.num_prompt, .eos_ids = input.eos_ids, .counts = counts};
}

// In double, so that what a float can still hold is not rounded to nothing.
std::vector<float> softmax(std::span<const float> scores) {
  const auto highest = static_cast<double>(*std::ranges::max_element(scores));
  double total = 0.0;
  for (const float score : scores) total += std::exp(static_cast<double>(score) - highest);
  std::vector<float> probs;
  probs.reserve(scores.size());
  for (const float score : scores) {
    probs.push_back(static_cast<float>(std::exp(static_cast<double>(score) - highest) / total));
  }
  return probs;
}

std::vector<float> softmax(const Candidates& candidates, std::size_t vocab_size) {
  std::vector<float> scores(vocab_size, -std::numeric_limits<float>::infinity());
  for (const Candidate& candidate : candidates.kept()) {
    scores[static_cast<std::size_t>(candidate.id)] = candidate.score;
  }
  return softmax(scores);
}

}  // namespace

std::span<const float> Sampler::process(const SamplingParams& params, const SampleInput& input) {
  bool is_copied = false;
  const ProcessorContext context = context_of(input, counts_);
  for (const Processor& processor : processors()) {
    if (!processor.is_on(params)) continue;
    if (!is_copied) scores_.assign(input.logits.begin(), input.logits.end());
    is_copied = true;
    processor.apply(params, context, scores_);
  }
  if (input.constraint && !input.forced) {
    if (!is_copied) scores_.assign(input.logits.begin(), input.logits.end());
    is_copied = true;
    input.constraint->mask(scores_);
  }
  return is_copied ? std::span<const float>(scores_) : input.logits;
}

Result<TokenId> Sampler::choose(const SamplingParams& params, const SampleInput& input,
                                std::span<const float> scores, float u) {
  if (input.forced) {
    if (!first_maximum(scores).is_usable) return fail_without_token(input.logits);
    return *input.forced;
  }
  if (!params.do_sample) {
    const RowMaximum best = first_maximum(scores);
    if (!best.is_usable) return fail_without_token(input.logits);
    return static_cast<TokenId>(best.index);
  }
  const bool is_cut = params.top_p < 1.0;
  const bool is_warped =
      std::ranges::any_of(warpers(), [&](const Warper& warper) { return warper.is_on(params); });
  const bool is_found =
      params.top_k <= 0 && (is_cut || !is_warped)
          ? candidates_.assign_likeliest(scores, params.temperature, is_cut ? params.top_p : 0.0)
          : candidates_.assign(scores, params.temperature, params.top_k);
  if (!is_found) return fail_without_token(input.logits);
  for (const Warper& warper : warpers()) {
    if (warper.is_on(params)) warper.apply(params, candidates_);
  }
  return candidates_.draw(static_cast<double>(u));
}

Result<TokenRecord> Sampler::sample(const SamplingParams& params, const SampleInput& input) {
  top_.clear();
  const std::span<const float> scores = process(params, input);
  const float u = uniform_at(input.seed, input.ids.size());
  const Result<TokenId> id = choose(params, input, scores, u);
  if (!id) return tl::unexpected(id.error());
  TokenRecord token{.id = *id, .u = params.do_sample ? u : 0.0F};
  const bool is_raw = scores.data() == input.logits.data();
  measure(input, is_raw && !params.do_sample && !input.forced, token);
  if (input.is_inspected) {
    inspected_ = inspector_.inspect(
        {.params = params, .logits = input.logits, .scores = scores, .id = token.id, .u = u});
  }
  return token;
}

// Log-probability and rank under the model's own distribution. Of the likeliest token both need no
// look at the others' places.
void Sampler::measure(const SampleInput& input, bool is_likeliest, TokenRecord& token) {
  const std::span<const float> logits = input.logits;
  const float own = logits[static_cast<std::size_t>(token.id)];
  float highest = own;
  if (!is_likeliest) {
    const RowCounts counts = count_against(logits, own);
    // Equal logits rank by id.
    if (counts.num_above > 0) highest = first_maximum(logits).value;
    const auto before = logits.first(static_cast<std::size_t>(token.id));
    const std::int64_t num_ties = counts.num_equal > 1 ? count_against(before, own).num_equal : 0;
    token.rank = static_cast<std::int32_t>(counts.num_above + num_ties);
  }
  const double log_total = static_cast<double>(highest) + std::log(sum_exp(logits, highest));
  const auto logprob = [log_total](float logit) {
    return static_cast<float>(static_cast<double>(logit) - log_total);
  };
  token.logprob = logprob(own);
  if (input.num_top <= 0) return;
  const std::size_t num_top = std::min(static_cast<std::size_t>(input.num_top), logits.size());
  select_likeliest(logits, num_top, selected_);
  for (const Candidate& candidate : selected_)
    top_.push_back({candidate.id, logprob(candidate.score)});
}

Result<Sampler::Trace> Sampler::trace(const SamplingParams& params, const SampleInput& input) {
  if (!first_maximum(input.logits).is_usable && !params.remove_invalid_values)
    return fail_without_token(input.logits);
  const ProcessorContext context = context_of(input, counts_);
  scores_.assign(input.logits.begin(), input.logits.end());
  Trace trace{.stages = {}, .probs = softmax(scores_)};
  const auto record = [&trace](std::string_view name, std::vector<float> probs) {
    if (probs == trace.probs) return;
    trace.stages.push_back({name, probs});
    trace.probs = std::move(probs);
  };
  for (const Processor& processor : processors()) {
    if (!processor.is_on(params)) continue;
    processor.apply(params, context, scores_);
    if (!first_maximum(scores_).is_usable) return fail_without_token(input.logits);
    record(processor.name, softmax(scores_));
  }
  if (!params.do_sample) return trace;
  if (!candidates_.assign(scores_, params.temperature, 0)) return fail_without_token(input.logits);
  record("temperature", softmax(candidates_, scores_.size()));
  if (params.top_k > 0) {
    candidates_.assign(scores_, params.temperature, params.top_k);
    record("top_k", softmax(candidates_, scores_.size()));
  }
  for (const Warper& warper : warpers()) {
    if (!warper.is_on(params)) continue;
    warper.apply(params, candidates_);
    record(warper.name, softmax(candidates_, scores_.size()));
  }
  return trace;
}

}  // namespace hearth::engine

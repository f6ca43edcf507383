// The range checks of validate() and the merge of resolve(). Positive form throughout (x ≥ low and
// x ≤ high), which NaN fails.
#include "engine/sampling/sampling_params.h"

#include <cmath>
#include <sstream>
#include <string>
#include <string_view>

#include "engine/sampling/sampling_overrides.h"

namespace hearth::engine {
namespace {

constexpr std::size_t kLogitBiasMax = 300;
constexpr std::size_t kSequencesMax = 1024;  // bad_words_ids, sequence_bias
constexpr std::size_t kSequenceMax = 256;    // ids in one of them
constexpr std::size_t kIdsMax =
    65536;  // suppress_tokens and the like: a folder may list a whole script

template <class T>
std::string print(T value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

// Collects the first thing that is wrong.
class Checks {
 public:
  template <class T>
  void range(std::string_view name, T value, T low, T high) {
    if (value >= low && value <= high) return;
    refuse(name, "must be between " + print(low) + " and " + print(high) + ", not " + print(value));
  }
  void positive(std::string_view name, double value, double high) {
    if (value > 0.0 && value <= high) return;
    refuse(name, "must be above 0 and at most " + print(high) + ", not " + print(value));
  }
  void fraction(std::string_view name, double value) {
    if (value >= 0.0 && value < 1.0) return;
    refuse(name, "must be at least 0 and below 1, not " + print(value));
  }
  void count(std::string_view name, std::size_t value, std::size_t high) {
    if (value <= high) return;
    refuse(name, "may have at most " + print(high) + " entries, not " + print(value));
  }
  void ids(std::string_view name, const std::vector<TokenId>& ids, std::size_t high) {
    count(name, ids.size(), high);
    for (const TokenId id : ids) range<std::int64_t>(name, id, 0, INT32_MAX);
  }
  void sequence(std::string_view name, const std::vector<TokenId>& sequence) {
    if (sequence.empty()) refuse(name, "may not hold an empty sequence");
    ids(name, sequence, kSequenceMax);
  }

  Result<void> result() const {
    if (error_.empty()) return {};
    return fail(ErrorCode::invalid_parameter, error_);
  }

 private:
  void refuse(std::string_view name, const std::string& reason) {
    if (error_.empty()) error_ = std::string(name) + " " + reason;
  }

  std::string error_;
};

void check_numbers(const SamplingParams& params, Checks& checks) {
  constexpr std::int64_t kLengthMax = INT32_MAX;
  checks.positive("temperature", params.temperature, 100.0);
  checks.range<std::int64_t>("top_k", params.top_k, 0, kLengthMax);
  checks.range("top_p", params.top_p, 0.0, 1.0);
  checks.range("min_p", params.min_p, 0.0, 1.0);
  checks.positive("typical_p", params.typical_p, 1.0);
  checks.fraction("epsilon_cutoff", params.epsilon_cutoff);
  checks.fraction("eta_cutoff", params.eta_cutoff);
  checks.positive("repetition_penalty", params.repetition_penalty, 100.0);
  checks.positive("encoder_repetition_penalty", params.encoder_repetition_penalty, 100.0);
  checks.range("presence_penalty", params.presence_penalty, -2.0, 2.0);
  checks.range("frequency_penalty", params.frequency_penalty, -2.0, 2.0);
  checks.range<std::int64_t>("no_repeat_ngram_size", params.no_repeat_ngram_size, 0, kLengthMax);
  checks.range<std::int64_t>("min_length", params.min_length, 0, kLengthMax);
  checks.range<std::int64_t>("min_new_tokens", params.min_new_tokens, 0, kLengthMax);
  checks.range<std::int64_t>("max_length", params.max_length, 0, kLengthMax);
  checks.range<std::int64_t>("forced_bos_token_id", params.forced_bos_token_id, -1, INT32_MAX);
  const auto& decay = params.exponential_decay_length_penalty;
  checks.range<std::int64_t>("exponential_decay_length_penalty", decay.start, 0, kLengthMax);
  checks.positive("exponential_decay_length_penalty", decay.factor, 100.0);
}

void check_lists(const SamplingParams& params, Checks& checks) {
  checks.count("sequence_bias", params.sequence_bias.size(), kSequencesMax);
  for (const auto& [sequence, bias] : params.sequence_bias) {
    checks.sequence("sequence_bias", sequence);
    checks.range("sequence_bias", bias, -100.0, 100.0);
  }
  checks.count("bad_words_ids", params.bad_words_ids.size(), kSequencesMax);
  for (const auto& word : params.bad_words_ids) checks.sequence("bad_words_ids", word);
  checks.ids("suppress_tokens", params.suppress_tokens, kIdsMax);
  checks.ids("begin_suppress_tokens", params.begin_suppress_tokens, kIdsMax);
  checks.ids("forced_eos_token_ids", params.forced_eos_token_ids, kIdsMax);
}

Result<void> check_logit_bias(const std::vector<std::pair<TokenId, double>>& entries) {
  Checks checks;
  checks.count("logit_bias", entries.size(), kLogitBiasMax);
  for (const auto& [id, bias] : entries) {
    checks.range<std::int64_t>("logit_bias", id, 0, INT32_MAX);
    checks.range("logit_bias", bias, -100.0, 100.0);
  }
  return checks.result();
}

}  // namespace

Result<void> validate(const SamplingParams& params) {
  Checks checks;
  check_numbers(params, checks);
  check_lists(params, checks);
  return checks.result();
}

Result<SamplingParams> resolve(const SamplingOverrides& request, const SamplingOverrides& folder) {
  SamplingParams params;
  // The request's word, else the folder's, else the default that `target` holds.
  const auto take = [&](auto& target, const auto SamplingOverrides::*field) {
    if (request.*field) {
      target = *(request.*field);
    } else if (folder.*field) {
      target = *(folder.*field);
    }
  };
  using Overrides = SamplingOverrides;
  // transformers' defaults differ from "off" in one place: a sampled request has a top_k of 50.
  params.top_k = 50;
  take(params.do_sample, &Overrides::do_sample);
  take(params.temperature, &Overrides::temperature);
  take(params.top_k, &Overrides::top_k);
  take(params.top_p, &Overrides::top_p);
  take(params.min_p, &Overrides::min_p);
  take(params.typical_p, &Overrides::typical_p);
  take(params.epsilon_cutoff, &Overrides::epsilon_cutoff);
  take(params.eta_cutoff, &Overrides::eta_cutoff);
  take(params.repetition_penalty, &Overrides::repetition_penalty);
  take(params.presence_penalty, &Overrides::presence_penalty);
  take(params.frequency_penalty, &Overrides::frequency_penalty);
  take(params.no_repeat_ngram_size, &Overrides::no_repeat_ngram_size);
  take(params.min_new_tokens, &Overrides::min_new_tokens);
  take(params.bad_words_ids, &Overrides::bad_words_ids);
  take(params.suppress_tokens, &Overrides::suppress_tokens);
  take(params.begin_suppress_tokens, &Overrides::begin_suppress_tokens);

  std::vector<std::pair<TokenId, double>> bias;
  take(bias, &Overrides::logit_bias);
  if (Result<void> checked = check_logit_bias(bias); !checked)
    return tl::unexpected(checked.error());
  for (const auto& [id, value] : bias) params.sequence_bias.push_back({{id}, value});

  if (request.temperature && !request.do_sample) params.do_sample = *request.temperature > 0.0;
  // Zero means greedy, wherever it was said; as a divisor it means nothing.
  if (params.temperature == 0.0) {
    params.do_sample = false;
    params.temperature = 1.0;
  }
  if (Result<void> checked = validate(params); !checked) return tl::unexpected(checked.error());
  return params;
}

}  // namespace hearth::engine

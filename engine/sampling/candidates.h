// The tokens that may still be drawn, and the warpers that thin them out: transformers' logits
// warpers (models §7.6, numbers 18 to 25), each over the softmax of what the one before it left.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/token_id.h"
#include "engine/sampling/sampling_params.h"

namespace hearth::engine {

struct Candidate {
  float score = 0.0F;
  float weight = 0.0F;  // exp(score − highest score); probability is weight / total()
  TokenId id = 0;
};

// Likelier first; equal scores by id.
inline bool is_likelier(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.id < b.id;
}

// Scratch that is used again for every token. The best candidate always survives.
class Candidates {
 public:
  // From the scores after the processors. Temperature and top-k act at once, so that a small k
  // never makes a list of the whole vocabulary. False when every score is −inf or one is NaN or
  // +inf.
  //   top_k: 0 keeps all; ties with the k-th survive
  bool assign(std::span<const float> scores, double temperature, std::int64_t top_k);

  // Likewise without top-k, but lists only the likeliest, at least `mass` of the whole: for
  // keep_top_p(mass) or draw() as the next call, which give what they give after assign(). scores
  // stay valid until then.
  bool assign_likeliest(std::span<const float> scores, double temperature, double mass);

  void keep_top_p(double p);
  void keep_min_p(double min_p);
  void keep_typical(double mass);
  void keep_epsilon(double epsilon);
  void keep_eta(double epsilon);

  // Inverse CDF at u over the kListed likeliest (probability descending, id ascending), then over
  // the rest by id.
  static constexpr std::size_t kListed = 64;
  TokenId draw(double u);

  std::span<const Candidate> kept() const { return kept_; }  // by id
  double total() const { return total_; }

 private:
  double entropy() const;
  double probability(const Candidate& candidate) const {
    return static_cast<double>(candidate.weight) / total_;
  }
  template <class Predicate>
  void keep_if(Predicate predicate);
  const std::vector<Candidate>& likeliest(std::size_t count);
  double list_from(float least_weight);

  std::span<const float> scores_;  // of assign_likeliest, and what it divided them by
  float divisor_ = 1.0F;
  bool is_partial_ = false;  // kept_ lacks the least likely, which weights_ has
  std::vector<float> weights_;
  std::vector<float> heap_;
  std::vector<std::uint32_t> places_;
  std::vector<Candidate> kept_;
  std::vector<Candidate> sorted_;
  double total_ = 0.0;
};

// The `count` likeliest of a whole row, likeliest first; weights are left 0.
void select_likeliest(std::span<const float> scores, std::size_t count,
                      std::vector<Candidate>& out);

struct Warper {
  std::string_view name;  // the parameter's
  bool (*is_on)(const SamplingParams& params);
  void (*apply)(const SamplingParams& params, Candidates& candidates);
};

// Those after temperature and top-k, in the order in which they run.
std::span<const Warper> warpers();

}  // namespace hearth::engine

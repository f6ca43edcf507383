#include "engine/sampling/candidates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "engine/sampling/row_math.h"

namespace hearth::engine {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

// The k-th largest value. Up to a few hundred, a heap of the best so far beats selection: almost
// every score fails its first test.
float kth_largest(std::span<const float> scores, std::size_t k, std::vector<float>& scratch) {
  constexpr std::size_t kHeapMax = 512;
  if (k > kHeapMax) {
    scratch.assign(scores.begin(), scores.end());
    const auto place = scratch.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::ranges::nth_element(scratch, place, std::greater<>());
    return *place;
  }
  scratch.assign(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(k));
  std::ranges::make_heap(scratch, std::greater<>());
  for (std::size_t i = k; i < scores.size(); ++i) {
    i = find_at_least(scores, scratch.front(), i);
    if (i == scores.size()) break;
    if (!(scores[i] > scratch.front())) continue;
    std::ranges::pop_heap(scratch, std::greater<>());
    scratch.back() = scores[i];
    std::ranges::push_heap(scratch, std::greater<>());
  }
  return scratch.front();
}

// Keeps in `heap` the `count` likeliest; candidates come in ascending id, so that a later equal
// score is not likelier.
void offer(std::vector<Candidate>& heap, std::size_t count, const Candidate& candidate) {
  if (heap.size() < count) {
    heap.push_back(candidate);
    std::ranges::push_heap(heap, is_likelier);
  } else if (candidate.score > heap.front().score) {
    std::ranges::pop_heap(heap, is_likelier);
    heap.back() = candidate;
    std::ranges::push_heap(heap, is_likelier);
  }
}

}  // namespace

void select_likeliest(std::span<const float> scores, std::size_t count,
                      std::vector<Candidate>& out) {
  out.clear();
  if (count == 0) return;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (out.size() == count) i = find_at_least(scores, out.front().score, i);
    if (i == scores.size()) break;
    offer(out, count, {.score = scores[i], .weight = 0.0F, .id = static_cast<TokenId>(i)});
  }
  std::ranges::sort_heap(out, is_likelier);
}

bool Candidates::assign(std::span<const float> scores, double temperature, std::int64_t top_k) {
  is_partial_ = false;
  kept_.clear();
  weights_.clear();
  const auto divisor = static_cast<float>(temperature);
  float least = std::numeric_limits<float>::lowest();
  float least_scaled = least;
  if (top_k > 0 && std::cmp_less(top_k, scores.size())) {
    const float kth = kth_largest(scores, static_cast<std::size_t>(top_k), heap_);
    // Scores that are equal only after the division are ties too, so look a little below and test
    // the quotient.
    least = std::max(least, kth - 1e-6F * std::abs(kth));
    least_scaled = std::max(least_scaled, kth / divisor);
  }
  list_at_least(scores, least, places_);
  for (const std::uint32_t i : places_) {
    const float score = scores[i] / divisor;
    if (score < least_scaled) continue;
    if (!std::isfinite(score)) return false;
    kept_.push_back({.score = score, .weight = 0.0F, .id = static_cast<TokenId>(i)});
    weights_.push_back(score);
  }
  if (kept_.empty()) return false;
  total_ = exp_row(weights_, first_maximum(weights_).value, weights_);
  for (std::size_t i = 0; i < kept_.size(); ++i) kept_[i].weight = weights_[i];
  return true;
}

bool Candidates::assign_likeliest(std::span<const float> scores, double temperature, double mass) {
  scores_ = scores;
  divisor_ = static_cast<float>(temperature);
  weights_.resize(scores.size());
  std::span<const float> divided = scores;
  if (divisor_ != 1.0F) {
    divide_row(scores, divisor_, weights_);
    divided = weights_;
  }
  const RowMaximum best = first_maximum(divided);
  if (!best.is_usable) return false;
  total_ = exp_row(divided, best.value, weights_);
  constexpr float kFirst = 1.0F / 256.0F;  // of the likeliest's weight
  constexpr float kLast = 1e-9F;
  for (float least = kFirst; least > kLast; least *= kFirst) {
    is_partial_ = true;
    // A little more than asked for: sums in another order differ in their last digits.
    if (list_from(least) >= (mass + 1e-6) * total_ && kept_.size() >= kListed) return true;
  }
  list_from(std::numeric_limits<float>::denorm_min());
  is_partial_ = false;
  return true;
}

// Lists whatever has this weight; returns its mass.
double Candidates::list_from(float least_weight) {
  kept_.clear();
  double mass = 0.0;
  list_at_least(weights_, least_weight, places_);
  for (const std::uint32_t i : places_) {
    kept_.push_back(
        {.score = scores_[i] / divisor_, .weight = weights_[i], .id = static_cast<TokenId>(i)});
    mass += static_cast<double>(weights_[i]);
  }
  return mass;
}

template <class Predicate>
void Candidates::keep_if(Predicate predicate) {
  std::erase_if(kept_, [&](const Candidate& candidate) { return !predicate(candidate); });
  total_ = 0.0;
  for (const Candidate& candidate : kept_) total_ += static_cast<double>(candidate.weight);
}

const std::vector<Candidate>& Candidates::likeliest(std::size_t count) {
  sorted_.clear();
  for (const Candidate& candidate : kept_) offer(sorted_, count, candidate);
  std::ranges::sort_heap(sorted_, is_likelier);
  return sorted_;
}

// The smallest set of likeliest candidates whose mass reaches p.
void Candidates::keep_top_p(double p) {
  const double target = p * total_;
  double mass = 0.0;
  const auto cut_within = [&](std::span<const Candidate> range) -> const Candidate* {
    for (const Candidate& candidate : range) {
      mass += static_cast<double>(candidate.weight);
      if (mass >= target) return &candidate;
    }
    return nullptr;
  };
  const Candidate* last = cut_within(likeliest(kListed));
  if (last == nullptr) {
    // Selection by mass: halve the range in which the cut lies until it is short enough to sort.
    sorted_ = kept_;
    mass = 0.0;
    auto begin = sorted_.begin();
    auto end = sorted_.end();
    while (end - begin > static_cast<std::ptrdiff_t>(kListed)) {
      const auto middle = begin + (end - begin) / 2;
      std::nth_element(begin, middle, end, is_likelier);
      double upper = 0.0;
      for (auto it = begin; it != middle; ++it) upper += static_cast<double>(it->weight);
      if (mass + upper >= target) {
        end = middle;
      } else {
        mass += upper;
        begin = middle;
      }
    }
    std::sort(begin, end, is_likelier);
    last = cut_within({begin, end});
    if (last == nullptr) return;  // p is so near 1 that rounding keeps everything
  }
  const Candidate cut = *last;
  is_partial_ = false;
  keep_if([&](const Candidate& candidate) { return !is_likelier(cut, candidate); });
}

void Candidates::keep_min_p(double min_p) {
  // The best candidate's weight is 1.
  keep_if(
      [&](const Candidate& candidate) { return static_cast<double>(candidate.weight) >= min_p; });
}

double Candidates::entropy() const {
  double sum = 0.0;
  for (const Candidate& candidate : kept_) {
    const double q = probability(candidate);
    if (q > 0.0) sum -= q * std::log(q);
  }
  return sum;
}

// "Locally Typical Sampling", Meister et al. 2022: those whose surprise is nearest to the expected
// one.
void Candidates::keep_typical(double mass) {
  const double expected = entropy();
  const double log_total = std::log(total_);
  const float highest = std::ranges::max_element(kept_, {}, &Candidate::score)->score;
  const auto distance = [&](const Candidate& candidate) {
    const double log_q =
        static_cast<double>(candidate.score) - static_cast<double>(highest) - log_total;
    return std::abs(-log_q - expected);
  };
  sorted_ = kept_;
  std::ranges::stable_sort(sorted_, {}, distance);
  double cumulated = 0.0;
  std::size_t last = 0;
  for (; last + 1 < sorted_.size(); ++last) {
    cumulated += probability(sorted_[last]);
    if (cumulated >= mass) break;
  }
  const double distance_max = distance(sorted_[last]);
  keep_if([&](const Candidate& candidate) { return distance(candidate) <= distance_max; });
}

void Candidates::keep_epsilon(double epsilon) {
  const double least = epsilon * total_;
  keep_if([&](const Candidate& candidate) {
    return candidate.weight >= 1.0F || static_cast<double>(candidate.weight) >= least;
  });
}

// "Truncation Sampling as Language Model Desmoothing", Hewitt et al. 2022.
void Candidates::keep_eta(double epsilon) {
  keep_epsilon(std::min(epsilon, std::sqrt(epsilon) * std::exp(-entropy())));
}

TokenId Candidates::draw(double u) {
  const double target = u * total_;
  double mass = 0.0;
  const std::vector<Candidate>& listed = likeliest(kListed);
  for (const Candidate& candidate : listed) {
    mass += static_cast<double>(candidate.weight);
    if (mass > target) return candidate.id;
  }
  const Candidate least = listed.back();
  if (is_partial_) list_from(std::numeric_limits<float>::denorm_min());
  TokenId last = listed.front().id;  // where rounding let the sum end below the target
  for (const Candidate& candidate : kept_) {
    if (!is_likelier(least, candidate) || candidate.weight == 0.0F) continue;
    mass += static_cast<double>(candidate.weight);
    last = candidate.id;
    if (mass > target) break;
  }
  return last;
}

std::span<const Warper> warpers() {
  using Params = SamplingParams;
  static constexpr std::array kWarpers{
      Warper{"top_p", [](const Params& p) { return p.top_p < 1.0; },
             [](const Params& p, Candidates& c) { c.keep_top_p(p.top_p); }},
      Warper{"min_p", [](const Params& p) { return p.min_p > 0.0; },
             [](const Params& p, Candidates& c) { c.keep_min_p(p.min_p); }},
      Warper{"typical_p", [](const Params& p) { return p.typical_p < 1.0; },
             [](const Params& p, Candidates& c) { c.keep_typical(p.typical_p); }},
      Warper{"epsilon_cutoff", [](const Params& p) { return p.epsilon_cutoff > 0.0; },
             [](const Params& p, Candidates& c) { c.keep_epsilon(p.epsilon_cutoff); }},
      Warper{"eta_cutoff", [](const Params& p) { return p.eta_cutoff > 0.0; },
             [](const Params& p, Candidates& c) { c.keep_eta(p.eta_cutoff); }},
  };
  return kWarpers;
}

}  // namespace hearth::engine

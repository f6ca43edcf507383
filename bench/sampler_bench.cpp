// What one token's sampling costs, on a vocabulary of Qwen2's size.
//
//   sampler_bench [--benchmark_filter=…]
#include <algorithm>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/sampling/sampler.h"

namespace hearth::engine {
namespace {

constexpr std::size_t kVocabSize = 151936;

// A few likely tokens above a bell of unlikely ones, as a chat model's logits look.
std::vector<float> chat_logits() {
  std::mt19937 random(1);
  std::normal_distribution<float> bell(0.0F, 2.0F);
  std::vector<float> logits(kVocabSize);
  std::ranges::generate(logits, [&] { return bell(random); });
  for (std::size_t i = 0; i < 40; ++i) logits[i * 3701] = 16.0F - 0.25F * static_cast<float>(i);
  return logits;
}

void run(benchmark::State& state, const SamplingParams& params, std::int64_t num_top = 0,
         bool is_inspected = false) {
  const std::vector<float> logits = chat_logits();
  std::vector<TokenId> ids(1000);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>(i * 97 % kVocabSize);
  Sampler sampler;
  std::uint64_t seed = 0;
  for ([[maybe_unused]] auto step : state) {
    benchmark::DoNotOptimize(sampler.sample(params, {.logits = logits,
                                                     .ids = ids,
                                                     .num_prompt = 500,
                                                     .eos_ids = {},
                                                     .seed = seed++,
                                                     .num_top = num_top,
                                                     .forced = {},
                                                     .is_inspected = is_inspected}));
  }
}

void greedy(benchmark::State& state) { run(state, {}); }
BENCHMARK(greedy)->Unit(benchmark::kMicrosecond);

void top_k_top_p(benchmark::State& state) {
  SamplingParams params;
  params.do_sample = true;
  params.temperature = 0.7;
  params.top_k = 20;
  params.top_p = 0.8;
  run(state, params);
}
BENCHMARK(top_k_top_p)->Unit(benchmark::kMicrosecond);

void qwen2_defaults(benchmark::State& state) {
  SamplingParams params;
  params.do_sample = true;
  params.temperature = 0.7;
  params.top_k = 20;
  params.top_p = 0.8;
  params.repetition_penalty = 1.1;
  run(state, params, 5);
}
BENCHMARK(qwen2_defaults)->Unit(benchmark::kMicrosecond);

// The same with the inspector's candidates.
void qwen2_defaults_inspected(benchmark::State& state) {
  SamplingParams params;
  params.do_sample = true;
  params.temperature = 0.7;
  params.top_k = 20;
  params.top_p = 0.8;
  params.repetition_penalty = 1.1;
  run(state, params, 5, true);
}
BENCHMARK(qwen2_defaults_inspected)->Unit(benchmark::kMicrosecond);

void top_p_alone(benchmark::State& state) {
  SamplingParams params;
  params.do_sample = true;
  params.top_p = 0.95;
  run(state, params);
}
BENCHMARK(top_p_alone)->Unit(benchmark::kMicrosecond);

void everything_kept(benchmark::State& state) {
  SamplingParams params;
  params.do_sample = true;
  run(state, params);
}
BENCHMARK(everything_kept)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace hearth::engine

BENCHMARK_MAIN();

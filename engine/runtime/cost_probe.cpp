#include "engine/runtime/cost_probe.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace hearth::engine {
namespace {

constexpr double kLongestStep = 0.25;  // seconds; a larger step is not tried after one like this

struct Probe {
  std::int64_t num_rows = 1;
  std::int64_t num_tokens = 1;  // of each row
};

// One token first, twice: the first time waits for memory.
constexpr std::array<Probe, 8> kProbes{
    {{1, 1}, {1, 1}, {1, 16}, {4, 1}, {1, 1}, {1, 64}, {8, 1}, {1, 128}}};

bool fits(const RunnerTraits& traits, const Probe& probe, std::int64_t blocks_per_row) {
  return probe.num_rows <= traits.max_sequences && probe.num_tokens < traits.context_length &&
         probe.num_rows * probe.num_tokens <= traits.max_batch_tokens &&
         probe.num_rows * blocks_per_row <= traits.num_blocks;
}

}  // namespace

void probe_step_costs(StepRunner& runner, const std::function<double()>& now_s,
                      const std::function<void(const StepSize&, double seconds)>& observe) {
  const RunnerTraits& traits = runner.traits();
  bool is_first = true;
  double longest_s = 0.0;
  for (const Probe& probe : kProbes) {
    const std::int64_t per_row = (probe.num_tokens + traits.block_size - 1) / traits.block_size;
    if (!fits(traits, probe, per_row) || longest_s > kLongestStep) continue;
    std::vector<std::int32_t> blocks(static_cast<std::size_t>(probe.num_rows * per_row));
    for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<std::int32_t>(i);
    const std::vector<TokenId> tokens(static_cast<std::size_t>(probe.num_tokens), 0);
    Batch batch;
    StepSize size;
    for (std::int64_t row = 0; row < probe.num_rows; ++row) {
      batch.rows.push_back(
          {.slot = static_cast<std::int32_t>(row),
           .position = 0,
           .prompt_length = probe.num_tokens,
           .tokens = tokens,
           .block_table = std::span(blocks).subspan(static_cast<std::size_t>(row * per_row),
                                                    static_cast<std::size_t>(per_row)),
           .output = RowOutput::logits});
      size += StepSize::of(probe.num_tokens, 0, true);
    }
    const double begin_s = now_s();
    const auto result = runner.run(batch);
    if (!result || !result->rows.front().error.empty()) return;  // a classifier has no logits
    const double seconds = now_s() - begin_s;
    if (!std::exchange(is_first, false)) {
      longest_s = std::max(longest_s, seconds);
      observe(size, seconds);
    }
  }
}

}  // namespace hearth::engine

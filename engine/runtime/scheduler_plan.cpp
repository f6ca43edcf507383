// The half of Scheduler that decides one step: how many tokens of whom.
#include <algorithm>

#include "engine/base/check.h"
#include "engine/runtime/scheduler.h"

namespace hearth::engine {

const Batch& Scheduler::schedule() {
  newly_admitted_.clear();
  for (Sequence* sequence : running_) sequence->num_planned = 0;
  Budget budget;
  plan_decodes(budget);
  plan_prompts(budget);
  build_rows();
  return batch_;
}

// One token is left, so it goes with the decodes. A prompt that must be one chunk is computed again
// token by token after it, exactly as it was the first time.
bool Scheduler::is_decode(const Sequence& sequence) const {
  return traits_.can_chunk ? sequence.num_left() == 1
                           : sequence.num_computed >= sequence.num_prompt();
}

void Scheduler::plan_decodes(Budget& budget) {
  StepSize size;
  budget.tokens = traits_.max_batch_tokens;
  scheduled_ = running_;  // reserve_next may preempt any of them
  for (Sequence* sequence : scheduled_) {
    if (!sequence->is_running || !is_decode(*sequence)) continue;
    if (reserve_next(*sequence)) sequence->num_planned = 1;
  }
  for (const Sequence* sequence : running_) {
    if (sequence->num_planned == 0) continue;
    size += StepSize::of(1, sequence->num_computed);
    --budget.tokens;
  }
  const CostModel& model = options_.cost_model;
  budget.seconds = size.tokens > 0.0 ? options_.target_step_s - model.seconds(size)
                                     : options_.prompt_step_s - model.cost().a_s;
}

void Scheduler::plan_prompts(Budget& budget) {
  budget.can_admit = true;
  // A quarter for the oldest: whoever comes later cannot hold up a long prompt for ever.
  if (!running_.empty() && !is_decode(*running_.front())) {
    plan_chunk(*running_.front(), budget, budget.seconds / 4.0);
  }
  while (budget.tokens > 0) {
    if (budget.has_prompt && options_.cost_model.tokens_within(budget.seconds, 0) < 1) break;
    Sequence* sequence = least_served_prompt(budget);
    if (sequence == nullptr) break;
    if (!sequence->is_running && !admit(*sequence)) {
      // Whoever is next waits for blocks; letting smaller ones by would let them starve it.
      budget.can_admit = false;
      continue;
    }
    if (!plan_chunk(*sequence, budget, budget.seconds)) break;
  }
}

Sequence* Scheduler::next_to_admit() const {
  if (free_slots_.empty()) return nullptr;
  return queue_.next(free_slots_.size() > num_kept_slots_ ? FairQueue::Of::everybody
                                                          : FairQueue::Of::newcomers);
}

// Of the prompts under way and the next in the queue.
Sequence* Scheduler::least_served_prompt(const Budget& budget) const {
  Sequence* best = budget.can_admit ? next_to_admit() : nullptr;
  for (Sequence* sequence : running_) {
    const bool is_chosen = sequence->num_planned > 0 && !traits_.can_chunk;
    if (is_chosen || is_decode(*sequence) || sequence->num_planned >= sequence->num_left())
      continue;
    if (best == nullptr ||
        queue_.counter(sequence->request.user) <= queue_.counter(best->request.user)) {
      best = sequence;
    }
  }
  return best;
}

bool Scheduler::plan_chunk(Sequence& sequence, Budget& budget, double seconds) {
  if (!traits_.can_chunk) return plan_whole_prompt(sequence, budget);
  const CostModel& model = options_.cost_model;
  const std::int64_t position = sequence.num_computed + sequence.num_planned;
  const std::int64_t num_max = std::min(sequence.num_ids() - position, budget.tokens);
  const std::int64_t num_min = budget.has_prompt ? 0 : options_.chunk_min;
  const std::int64_t count =
      std::min(std::max(model.tokens_within(seconds, position), num_min), num_max);
  if (count == 0) return false;
  sequence.num_planned += count;
  budget.tokens -= count;
  budget.seconds -= model.extra_seconds(StepSize::of(count, position));
  budget.has_prompt = true;
  return true;
}

bool Scheduler::plan_whole_prompt(Sequence& sequence, Budget& budget) {
  const std::int64_t count = sequence.num_prompt();
  if (count > budget.tokens) {
    if (budget.has_prompt) return false;
    // It does not fit beside the decodes, so they skip this step.
    for (Sequence* other : running_) other->num_planned = 0;
    budget.tokens = traits_.max_batch_tokens;
  }
  sequence.num_planned = count;
  budget.tokens -= count;
  budget.seconds -= options_.cost_model.extra_seconds(StepSize::of(count, 0));
  budget.has_prompt = true;
  return true;
}

void Scheduler::build_rows() {
  batch_.rows.clear();
  scheduled_.clear();
  step_size_ = {};
  const auto add_rows = [this](bool decodes) {
    for (Sequence* sequence : running_) {
      if (sequence->num_planned == 0 || is_decode(*sequence) != decodes) continue;
      const std::int64_t begin = sequence->num_computed;
      const std::int64_t end = begin + sequence->num_planned;
      batch_.rows.push_back(
          {.slot = sequence->slot,
           .position = begin,
           .prompt_length = sequence->num_prompt(),
           .tokens = std::span(sequence->ids)
                         .subspan(static_cast<std::size_t>(begin),
                                  static_cast<std::size_t>(sequence->num_planned)),
           .block_table = sequence->block_table,
           .output = end == sequence->num_ids() ? RowOutput::logits : RowOutput::none});
      scheduled_.push_back(sequence);
      step_size_ += StepSize::of(sequence->num_planned, begin);
    }
  };
  add_rows(true);
  add_rows(false);
  CHECK(!batch_.rows.empty() || sequences_.empty());
}

}  // namespace hearth::engine

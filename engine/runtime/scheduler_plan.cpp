// The half of Scheduler that decides one step: how many tokens of whom.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "engine/runtime/scheduler.h"

namespace hearth::engine {
namespace {

// What the next step gives for ids [begin, end) of the sequence.
RowOutput output_of(const Sequence& sequence, std::int64_t begin, std::int64_t end) {
  const std::int64_t wanted = sequence.first_wanted();
  if (end <= wanted) return RowOutput::none;
  switch (sequence.request.output) {
    case RequestOutput::class_scores:
      return RowOutput::class_scores;
    case RequestOutput::reply:
      return end - std::max(begin, wanted) == 1 ? RowOutput::logits : RowOutput::all_logits;
    default:
      return RowOutput::all_hidden;
  }
}

}  // namespace

const Batch& Scheduler::schedule() {
  newly_admitted_.clear();
  for (Sequence* sequence : running_) {
    sequence->num_planned = 0;
    sequence->lent_turn.reset();
  }
  Budget budget;
  plan_decodes(budget);
  plan_prompts(budget);
  let_newcomers_go_first();
  for (Sequence* sequence : held_back_) sequence->is_held_back = false;
  held_back_.clear();
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
  further_.clear();
  scheduled_ = running_;  // reserve_next may preempt any of them
  for (Sequence* sequence : scheduled_) {
    if (!sequence->is_running || !is_decode(*sequence)) continue;
    if (reserve_next(*sequence)) sequence->num_planned = 1;
  }
  for (const Sequence* sequence : running_) {
    if (sequence->num_planned == 0) continue;
    size += StepSize::of(1, sequence->num_computed, true);
    --budget.tokens;
  }
  const CostModel& model = options_.cost_model;
  const double a_s = model.cost().a_s;
  if (size.tokens == 0.0) {
    budget.seconds = std::max(options_.prompt_step_s, options_.prompt_step_min * a_s) - a_s;
    budget.further_seconds = (options_.further_step - 1.0) * a_s;
    return;
  }
  const double alone_s = model.seconds(size);
  const auto left = [&](double stretch) {
    return std::max(stretch * alone_s, options_.short_step_s) - alone_s;
  };
  budget.seconds = left(options_.stretch_max);
  budget.further_seconds =
      std::max(left(options_.stretch_further), options_.further_step * a_s - alone_s);
  budget.first_seconds = left(options_.stretch_first) - budget.seconds;
  if (!has_sat_out_) budget.first_seconds += model.extra_seconds(further_decodes());
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
    if (!plan_chunk(*sequence, budget, seconds_for(*sequence, budget))) break;
  }
}

double Scheduler::seconds_for(const Sequence& sequence, const Budget& budget) const {
  if (queue_.num_running(sequence.request.user) > 1 && !sequence.lent_turn)
    return std::min(budget.seconds, budget.further_seconds);
  const double whole_s = options_.cost_model.extra_seconds(
      StepSize::of(sequence.num_left() - sequence.num_planned,
                   sequence.num_computed + sequence.num_planned, true));
  return whole_s <= budget.seconds + budget.first_seconds ? std::max(whole_s, budget.seconds)
                                                          : budget.seconds;
}

// Decodes of this step whose owner reads an older reply meanwhile.
StepSize Scheduler::further_decodes() {
  std::unordered_set<UserKey> served;
  StepSize size;
  for (Sequence* sequence : running_) {  // oldest first
    if (sequence->num_planned == 0 || !is_decode(*sequence)) continue;
    if (served.insert(sequence->request.user).second) continue;
    further_.push_back(sequence);
    size += StepSize::of(1, sequence->num_computed, true);
  }
  return size;
}

// A step that ends somebody's wait is worth a pause of replies whose owner reads another one; but
// never twice in a row.
void Scheduler::let_newcomers_go_first() {
  const bool had_pause = std::exchange(has_sat_out_, false);
  const auto is_wanted = [this](const Sequence* sequence) { return is_first_token(*sequence); };
  if (had_pause || further_.empty() || std::ranges::none_of(running_, is_wanted)) return;
  for (Sequence* sequence : further_) sequence->num_planned = 0;
  has_sat_out_ = true;
}

// The step gives its user, who has nothing else running, a first token.
bool Scheduler::is_first_token(const Sequence& sequence) const {
  return sequence.num_planned > 0 && sequence.num_planned == sequence.num_left() &&
         sequence.num_drawn() == 0 && queue_.num_running(sequence.request.user) == 1;
}

// The next in the queue that need not wait for blocks which a running one is computing. Those that
// do are held back, and lend that one their turn.
Sequence* Scheduler::next_to_admit() {
  if (free_slots_.empty()) return nullptr;
  const FairQueue::Of whom =
      free_slots_.size() > num_kept_slots_ ? FairQueue::Of::everybody : FairQueue::Of::newcomers;
  while (Sequence* next = queue_.next(whom)) {
    Sequence* provider = provider_of(*next);
    if (provider == nullptr) return next;
    next->is_held_back = true;
    held_back_.push_back(next);
    const Turn turn = turn_of(*next);
    if (!provider->lent_turn || turn < *provider->lent_turn) provider->lent_turn = turn;
  }
  return nullptr;
}

Turn Scheduler::turn_of(const Sequence& sequence) const {
  const UserKey user = sequence.request.user;
  const Turn own{queue_.num_running(user) > (sequence.is_running ? 1 : 0), queue_.counter(user)};
  return sequence.lent_turn ? std::min(own, *sequence.lent_turn) : own;
}

// Of the prompts under way and the next in the queue.
Sequence* Scheduler::least_served_prompt(const Budget& budget) {
  Sequence* best = budget.can_admit ? next_to_admit() : nullptr;
  for (Sequence* sequence : running_) {
    const bool is_chosen = sequence->num_planned > 0 && !traits_.can_chunk;
    if (is_chosen || is_decode(*sequence) || sequence->num_planned >= sequence->num_row_max())
      continue;
    if (best == nullptr || turn_of(*sequence) <= turn_of(*best)) best = sequence;
  }
  return best;
}

// More tokens of the sequence's row. One that is scored costs a row of logits too.
std::int64_t Scheduler::tokens_within(double seconds, const Sequence& sequence,
                                      std::int64_t position) const {
  const CostModel& model = options_.cost_model;
  const std::int64_t count = model.tokens_within(seconds, position);
  if (sequence.num_unscored == 0 || position < sequence.first_wanted()) return count;
  const double scored_s = std::max(model.extra_seconds(StepSize::of(1, position, true)), 1e-9);
  return std::min(count, static_cast<std::int64_t>(std::max(seconds, 0.0) / scored_s));
}

bool Scheduler::plan_chunk(Sequence& sequence, Budget& budget, double seconds) {
  if (!traits_.can_chunk) return plan_whole_prompt(sequence, budget);
  const CostModel& model = options_.cost_model;
  const std::int64_t position = sequence.num_computed + sequence.num_planned;
  const std::int64_t num_max =
      std::min(sequence.num_row_max() - sequence.num_planned, budget.tokens);
  const std::int64_t num_min = budget.has_prompt ? 0 : options_.chunk_min;
  const std::int64_t count =
      std::min(std::max(tokens_within(seconds, sequence, position), num_min), num_max);
  if (count == 0) return false;
  sequence.num_planned += count;
  budget.tokens -= count;
  const double cost_s = model.extra_seconds(StepSize::of(count, position));
  budget.seconds -= cost_s;
  budget.further_seconds -= cost_s;
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
           .output = output_of(*sequence, begin, end),
           .token_types = sequence->request.token_types});
      scheduled_.push_back(sequence);
      StepSize size = StepSize::of(sequence->num_planned, begin);
      if (sequence->request.output == RequestOutput::reply)
        size.outputs = static_cast<double>(
            std::max<std::int64_t>(0, end - std::max(begin, sequence->first_wanted())));
      step_size_ += size;
    }
  };
  add_rows(true);
  add_rows(false);
}

}  // namespace hearth::engine

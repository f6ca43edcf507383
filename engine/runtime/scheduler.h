// Continuous batching: who runs, with how many tokens, in which KV blocks, step by step.
//
// A step holds every running decode first, then prompt chunks as long as the cost model allows,
// least-served users first; the oldest sequence always gets a share. Blocks for a whole prompt are
// taken at admission, together with one spare block per running sequence, so that the next decode
// does not preempt what was just admitted. When blocks run out, the youngest sequence of the
// most-served user starts again later (recompute); the oldest one never does, so work always ends.
//
// A quarter of the slots is kept for people who have nothing running: one person's fifty requests
// do not make the others wait for one of them to end.
//
// A pure state machine: no threads, no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/base/error.h"
#include "engine/runtime/block_manager.h"
#include "engine/runtime/cost_model.h"
#include "engine/runtime/fair_queue.h"
#include "engine/runtime/sequence.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine {

struct SchedulerOptions {
  double target_step_s =
      0.1;  // a step with decodes in it: the longest gap between two tokens of a reply
  double prompt_step_s = 0.4;   // a step of prompts alone; also the longest wait for a cancel
  std::int64_t chunk_min = 16;  // prompt tokens per step whatever the cost model says
  CostModel cost_model;
  BlockHashKey hash_key = random_block_hash_key();
};

// Engine thread only. Owns the sequences.
class Scheduler {
 public:
  Scheduler(const RunnerTraits& traits, const SchedulerOptions& options);

  // Takes the sequence and queues it. Errors leave it with the caller: invalid_parameter,
  // context_length_exceeded, conflict (its id).
  Result<void> add(std::unique_ptr<Sequence>& sequence);

  Sequence* find(RequestId id) const;  // nullptr when unknown
  bool has_work() const { return !sequences_.empty(); }

  // The next step; empty only when there is no work. Valid until the next call.
  const Batch& schedule();
  // The sequence of each row, in order.
  const std::vector<Sequence*>& scheduled() const { return scheduled_; }
  // Those admitted by the last schedule().
  const std::vector<Sequence*>& newly_admitted() const { return newly_admitted_; }
  // True once after the order of the waiting may have changed.
  bool take_queue_changed();

  // After a row succeeded: its tokens are in the KV cache.
  void advance(Sequence& sequence, std::int64_t num_tokens);
  // A token was drawn.
  void append(Sequence& sequence, TokenId id);
  // Ends it in any state and hands it over.
  std::unique_ptr<Sequence> remove(Sequence& sequence);
  // How long the last step took.
  void observe(double seconds) { options_.cost_model.observe(step_size_, seconds); }

  const FairQueue& queue() const { return queue_; }
  const BlockManager& blocks() const { return blocks_; }
  const CostModel& cost_model() const { return options_.cost_model; }
  const std::vector<Sequence*>& running() const { return running_; }
  std::int64_t num_preemptions() const { return num_preemptions_; }
  std::vector<RequestId> ids() const;

 private:
  struct Budget {
    double seconds = 0.0;
    std::int64_t tokens = 0;
    bool has_prompt = false;  // a prompt chunk is planned already
    bool can_admit = true;
  };

  Result<void> check(const Sequence& sequence) const;
  bool is_decode(const Sequence& sequence) const;
  void plan_decodes(Budget& budget);
  void plan_prompts(Budget& budget);
  bool plan_chunk(Sequence& sequence, Budget& budget, double seconds);
  bool plan_whole_prompt(Sequence& sequence, Budget& budget);
  Sequence* next_to_admit() const;
  Sequence* least_served_prompt(const Budget& budget) const;
  bool admit(Sequence& sequence);
  bool reserve_next(Sequence& sequence);
  void preempt(Sequence& sequence);
  void leave_running(Sequence& sequence);
  void hash_full_blocks(Sequence& sequence) const;
  std::size_t find_prefix(Sequence& sequence);
  void name_full_blocks(Sequence& sequence);
  void build_rows();

  RunnerTraits traits_;
  SchedulerOptions options_;
  BlockManager blocks_;
  FairQueue queue_;
  std::unordered_map<RequestId, std::unique_ptr<Sequence>> sequences_;
  std::vector<Sequence*> running_;  // oldest first
  std::vector<std::int32_t> free_slots_;
  std::size_t num_kept_slots_ = 0;  // of free_slots_, for newcomers
  std::uint64_t next_order_ = 1;
  std::int64_t num_preemptions_ = 0;
  bool queue_changed_ = false;

  Batch batch_;
  std::vector<Sequence*> scheduled_;
  std::vector<Sequence*> newly_admitted_;
  StepSize step_size_;  // of batch_
};

}  // namespace hearth::engine

// Continuous batching: who runs, with how many tokens, in which KV blocks, step by step.
//
// A step holds every running decode first, then prompt chunks as long as the cost model allows,
// least-served users first; the oldest sequence always gets a share. What it allows is a multiple
// of what the decodes alone take, so a long paste stretches the others' gaps by that factor. Blocks
// for a whole prompt are taken at admission, together with one spare block per running sequence, so
// that the next decode does not preempt what was just admitted. When blocks run out, the youngest
// sequence of the most-served user starts again later (recompute); the oldest one never does, so
// work always ends.
//
// A quarter of the slots is kept for people who have nothing running: one person's fifty requests
// do not make the others wait for one of them to end. In a step that gives somebody a first token,
// people with several replies write only their oldest one.
//
// A sequence whose next blocks another one is computing waits for them in the queue, and lends that
// one its turn: a prefix that several ask for at once is computed once.
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
  // A step with decodes and prompts takes at most so many times what its decodes alone would take:
  double stretch_max = 1.6;      // in general;
  double stretch_further = 1.3;  // for prompts of people who have another reply running;
  double stretch_first = 1.9;    // for the end of a prompt of one who has not.
  double short_step_s = 0.02;    // It may always take as long as this: nobody sees a difference.

  double prompt_step_s = 0.1;    // a step of prompts alone: what a newcomer or a cancel may wait
  double prompt_step_min = 4.0;  // but so many times a step's fixed cost;
  double further_step = 2.0;     // and this many for prompts of people who have another one
  std::int64_t chunk_min = 4;    // prompt tokens per step whatever the cost model says
  std::int64_t wait_for_prefix_min = 32;  // fewer tokens are computed again sooner than waited for
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

  // The next step; empty when there is no work. Valid until the next call.
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
  // How long the last step took, its draws included; or one that was not planned here.
  void observe(double seconds) { observe(step_size_, seconds); }
  void observe(const StepSize& size, double seconds) { options_.cost_model.observe(size, seconds); }

  const FairQueue& queue() const { return queue_; }
  const BlockManager& blocks() const { return blocks_; }
  const CostModel& cost_model() const { return options_.cost_model; }
  const std::vector<Sequence*>& running() const { return running_; }
  std::int64_t num_preemptions() const { return num_preemptions_; }
  std::vector<RequestId> ids() const;

 private:
  struct Budget {
    double seconds = 0.0;
    double further_seconds = 0.0;  // of them, for people who have another reply running
    double first_seconds = 0.0;    // besides, to end the prompt of one who has not
    std::int64_t tokens = 0;
    bool has_prompt = false;  // a prompt chunk is planned already
    bool can_admit = true;
  };

  Result<void> check(const Sequence& sequence) const;
  std::int64_t num_ids_max(const GenerationRequest& request) const;
  static void read_forced(Sequence& sequence);
  bool is_decode(const Sequence& sequence) const;
  void plan_decodes(Budget& budget);
  void plan_prompts(Budget& budget);
  bool plan_chunk(Sequence& sequence, Budget& budget, double seconds);
  bool plan_whole_prompt(Sequence& sequence, Budget& budget);
  std::int64_t tokens_within(double seconds, const Sequence& sequence, std::int64_t position) const;
  StepSize further_decodes();
  void let_newcomers_go_first();
  bool is_first_token(const Sequence& sequence) const;
  Turn turn_of(const Sequence& sequence) const;
  double seconds_for(const Sequence& sequence, const Budget& budget) const;
  Sequence* next_to_admit();
  Sequence* least_served_prompt(const Budget& budget);
  bool admit(Sequence& sequence);
  bool reserve_next(Sequence& sequence);
  void preempt(Sequence& sequence);
  void leave_running(Sequence& sequence);
  void build_rows();

  // The prefix cache: scheduler_prefix.cpp.
  void hash_full_blocks(Sequence& sequence) const;
  std::size_t find_prefix(Sequence& sequence);
  void find_tail(Sequence& sequence);
  void keep_tail(Sequence& sequence);
  BlockHash tail_key(const Sequence& sequence, std::size_t num_blocks) const;
  void name_full_blocks(Sequence& sequence);
  void announce_blocks(Sequence& sequence);
  void withdraw_blocks(Sequence& sequence);
  Sequence* provider_of(Sequence& sequence);

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
  // Full blocks that running sequences have yet to compute, and which sequence will.
  std::unordered_map<BlockHash, Sequence*, HashOfBlockHash> announced_;
  std::vector<Sequence*> held_back_;  // while one step is planned
  std::vector<Sequence*> further_;    // decodes of this step that may sit it out
  bool has_sat_out_ = false;          // somebody's further replies, in the last step

  Batch batch_;
  std::vector<Sequence*> scheduled_;
  std::vector<Sequence*> newly_admitted_;
  StepSize step_size_;  // of batch_
};

}  // namespace hearth::engine

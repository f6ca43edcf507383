#include "engine/runtime/scheduler.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "engine/base/check.h"

namespace hearth::engine {
namespace {

bool is_older(const Sequence* a, const Sequence* b) { return a->order < b->order; }

}  // namespace

Scheduler::Scheduler(const RunnerTraits& traits, const SchedulerOptions& options)
    : traits_(traits), options_(options), blocks_(traits.num_blocks, traits.block_size) {
  CHECK(traits.vocab_size > 0);
  CHECK(traits.context_length > 0);
  CHECK(traits.max_sequences > 0);
  CHECK(traits.max_batch_tokens > 0);
  CHECK(options.chunk_min > 0);
  const std::int64_t num_slots =
      std::min<std::int64_t>(traits.max_sequences, traits.max_batch_tokens);
  for (std::int64_t slot = num_slots; slot-- > 0;) {
    free_slots_.push_back(static_cast<std::int32_t>(slot));
  }
  num_kept_slots_ = free_slots_.size() / 4;
}

Result<void> Scheduler::add(std::unique_ptr<Sequence>& added) {
  Sequence& sequence = *added;
  sequence.ids = sequence.request.prompt_ids;
  for (const TokenRecord& token : sequence.request.given) sequence.ids.push_back(token.id);
  sequence.max_ids = num_ids_max(sequence.request);
  if (Result<void> checked = check(sequence); !checked) return checked;
  read_forced(sequence);
  sequence.order = next_order_++;
  const auto place = sequences_.emplace(sequence.request.id, nullptr).first;
  try {
    queue_.add(sequence);
  } catch (...) {  // no memory: as if it had never come
    sequences_.erase(place);
    throw;
  }
  queue_changed_ = true;
  place->second = std::move(added);
  return {};
}

// The last token of a reply needs no place in the KV cache; where no token is drawn, the one that
// would be needs none in the context either.
std::int64_t Scheduler::num_ids_max(const GenerationRequest& request) const {
  const auto num_prompt = static_cast<std::int64_t>(request.prompt_ids.size());
  const std::int64_t num_cache = blocks_.num_blocks() * blocks_.block_size();
  if (request.output != RequestOutput::reply)
    return std::min({num_prompt, traits_.context_length, num_cache}) + 1;
  const std::int64_t num_tokens = std::min(request.max_tokens, TokenStream::kMaxTokens);
  return std::min({num_prompt + num_tokens, traits_.context_length, num_cache + 1});
}

// Forced ids are computed as prompts are. The last one of all is left to be drawn, as it ends the
// reply.
void Scheduler::read_forced(Sequence& sequence) {
  const std::vector<TokenId>& forced = sequence.request.forced_ids;
  sequence.num_unscored =
      std::min(static_cast<std::int64_t>(forced.size()), sequence.max_ids - 1 - sequence.num_ids());
  sequence.ids.insert(sequence.ids.end(), forced.begin(), forced.begin() + sequence.num_unscored);
}

Result<void> Scheduler::check(const Sequence& sequence) const {
  const GenerationRequest& request = sequence.request;
  if (sequences_.contains(request.id)) {
    return fail(ErrorCode::conflict,
                "request id " + std::to_string(request.id) + " is already in use");
  }
  if (request.prompt_ids.empty()) {
    return fail(ErrorCode::invalid_parameter, "the prompt has no tokens");
  }
  if (request.max_tokens <= 0) {
    return fail(ErrorCode::invalid_parameter,
                "max_tokens must be at least 1, not " + std::to_string(request.max_tokens));
  }
  if (!(std::isfinite(request.weight) && request.weight > 0.0)) {
    return fail(ErrorCode::invalid_parameter, "the user's weight must be a positive number");
  }
  const auto is_unknown = [this](TokenId id) { return id < 0 || id >= traits_.vocab_size; };
  for (const auto& ids : {std::span(sequence.ids), std::span(sequence.request.forced_ids),
                          std::span(sequence.request.thoughts.closing)}) {
    const auto unknown = std::ranges::find_if(ids, is_unknown);
    if (unknown == ids.end()) continue;
    return fail(ErrorCode::invalid_parameter, "prompt id " + std::to_string(*unknown) +
                                                  " is not in the vocabulary of " +
                                                  std::to_string(traits_.vocab_size));
  }
  const std::int64_t prompt_max = traits_.can_chunk ? INT64_MAX : traits_.max_batch_tokens;
  if (sequence.max_ids <= sequence.num_ids() || sequence.num_prompt() > prompt_max) {
    const std::int64_t for_reply = request.output == RequestOutput::reply ? 1 : 0;
    const std::int64_t room = std::min({traits_.context_length - for_reply,
                                        blocks_.num_blocks() * blocks_.block_size(), prompt_max});
    return fail(ErrorCode::context_length_exceeded,
                "the prompt has " + std::to_string(sequence.num_ids()) +
                    " tokens; there is room for " + std::to_string(room));
  }
  return {};
}

Sequence* Scheduler::find(RequestId id) const {
  const auto entry = sequences_.find(id);
  return entry == sequences_.end() ? nullptr : entry->second.get();
}

std::vector<RequestId> Scheduler::ids() const {
  std::vector<RequestId> ids;
  for (const auto& [id, sequence] : sequences_) ids.push_back(id);
  std::ranges::sort(ids);
  return ids;
}

bool Scheduler::take_queue_changed() { return std::exchange(queue_changed_, false); }

void Scheduler::advance(Sequence& sequence, std::int64_t num_tokens) {
  sequence.num_computed += num_tokens;
  CHECK(sequence.num_computed <= sequence.num_ids());
  if (traits_.can_cache) name_full_blocks(sequence);
}

void Scheduler::append(Sequence& sequence, TokenId id) {
  CHECK(sequence.num_ids() < sequence.max_ids);
  sequence.ids.push_back(id);
  queue_.charge(sequence, FairQueue::kProducedPrice);
}

std::unique_ptr<Sequence> Scheduler::remove(Sequence& sequence) {
  if (sequence.is_running) {
    leave_running(sequence);
    queue_.finished(sequence);
  } else {
    queue_.remove_waiting(sequence);
  }
  queue_changed_ = true;
  return std::move(sequences_.extract(sequence.request.id).mapped());
}

bool Scheduler::admit(Sequence& sequence) {
  const std::size_t num_found = traits_.can_cache ? find_prefix(sequence) : 0;
  const std::int64_t block_size = blocks_.block_size();
  const std::int64_t num_needed =
      (sequence.num_ids() + block_size - 1) / block_size - static_cast<std::int64_t>(num_found);
  // One spare block per running sequence, or its next decode would preempt what is admitted here,
  // for ever.
  const auto num_spare = static_cast<std::int64_t>(running_.size());
  if (free_slots_.empty() || blocks_.num_free() < num_needed + num_spare) {
    blocks_.release(sequence.block_table);
    sequence.block_table.clear();
    return false;
  }
  sequence.num_computed = static_cast<std::int64_t>(num_found) * block_size;
  sequence.num_named = num_found;
  const std::size_t num_blocks = num_found + static_cast<std::size_t>(num_needed);
  if (traits_.can_cache) find_tail(sequence);
  while (sequence.block_table.size() < num_blocks) sequence.block_table.push_back(blocks_.take());
  if (traits_.can_cache) announce_blocks(sequence);
  sequence.slot = free_slots_.back();
  free_slots_.pop_back();
  sequence.is_running = true;
  sequence.lent_turn.reset();
  running_.insert(std::ranges::upper_bound(running_, &sequence, is_older), &sequence);
  queue_.admitted(sequence);
  if (!sequence.was_admitted) {
    sequence.was_admitted = true;
    sequence.num_cached = std::min(sequence.num_computed, sequence.num_prompt());
    // A prefix that was found costs nothing, so it is not charged; nor is computing again after a
    // preemption.
    queue_.charge(sequence, FairQueue::kPromptPrice * static_cast<double>(sequence.num_left()));
  }
  newly_admitted_.push_back(&sequence);
  queue_changed_ = true;
  return true;
}

bool Scheduler::reserve_next(Sequence& sequence) {
  const std::int64_t num_needed = sequence.num_computed / blocks_.block_size() + 1;
  if (static_cast<std::int64_t>(sequence.block_table.size()) >= num_needed) return true;
  while (blocks_.num_free() == 0) {
    // Never the oldest: one that can always go on is what keeps the room from standing still.
    CHECK(running_.size() > 1);
    Sequence* victim = running_.back();
    for (std::size_t i = running_.size(); i-- > 1;) {
      const double counter = queue_.counter(running_[i]->request.user);
      if (counter > queue_.counter(victim->request.user)) victim = running_[i];
    }
    preempt(*victim);
    if (victim == &sequence) return false;
  }
  sequence.block_table.push_back(blocks_.take());
  return true;
}

void Scheduler::preempt(Sequence& sequence) {
  leave_running(sequence);
  queue_.preempted(sequence);
  queue_changed_ = true;
  ++num_preemptions_;
}

void Scheduler::leave_running(Sequence& sequence) {
  if (traits_.can_cache) {
    withdraw_blocks(sequence);
    keep_tail(sequence);
  }
  blocks_.release(sequence.block_table);
  sequence.block_table.clear();
  free_slots_.push_back(sequence.slot);
  std::erase(running_, &sequence);
  sequence.slot = -1;
  sequence.is_running = false;
  sequence.num_computed = 0;
  sequence.num_named = 0;
  sequence.num_planned = 0;
}

}  // namespace hearth::engine

#include "engine/runtime/engine_core.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "engine/runtime/cost_probe.h"

namespace hearth::engine {
namespace {

double steady_now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What a request cost and how long it took. Times that it never reached are 0.
FinishedEvent account(const Sequence& sequence, double now_s) {
  FinishedEvent event;
  event.prompt_tokens = sequence.num_prompt();
  event.cached_tokens = sequence.num_cached;
  event.completion_tokens = sequence.num_generated();
  const double scheduled_s = sequence.first_scheduled_s < 0 ? now_s : sequence.first_scheduled_s;
  const double token_s = sequence.first_token_s < 0 ? now_s : sequence.first_token_s;
  event.queue_ms = 1e3 * (scheduled_s - sequence.submitted_s);
  event.prefill_ms = 1e3 * (token_s - scheduled_s);
  event.decode_ms = 1e3 * (now_s - token_s);
  return event;
}

bool is_stop(const GenerationRequest& request, TokenId id) {
  return !request.ignore_eos && std::ranges::find(request.stop_ids, id) != request.stop_ids.end();
}

// What is given may be the whole reply already.
std::optional<FinishReason> end_of_given(const GenerationRequest& request) {
  if (request.given.empty()) return std::nullopt;
  if (is_stop(request, request.given.back().id)) return FinishReason::stop;
  if (std::cmp_greater_equal(request.given.size(), request.max_tokens)) return FinishReason::length;
  return std::nullopt;
}

}  // namespace

EngineCore::EngineCore(std::unique_ptr<StepRunner> runner, StepListener listener,
                       CoreOptions options)
    : runner_(std::move(runner)),
      listener_(std::move(listener)),
      now_s_(options.now_s ? std::move(options.now_s) : steady_now_s),
      scheduler_(runner_->traits(), options.scheduler),
      samplers_(static_cast<std::size_t>(runner_->num_workers())) {}

void EngineCore::measure_machine() {
  try {
    probe_step_costs(*runner_, now_s_, [this](const StepSize& size, double seconds) {
      scheduler_.observe(size, seconds);
    });
  } catch (const std::exception&) {  // the first request will say what is wrong
  }
}

// Whatever fails here, most likely memory, costs this request alone.
void EngineCore::submit(GenerationRequest request, std::shared_ptr<TokenStream> stream) {
  try {
    changed_.push_back(request.id);
    auto sequence = std::make_unique<Sequence>();
    sequence->request = std::move(request);
    sequence->stream = stream;
    sequence->submitted_s = now_s_();
    take(std::move(sequence));
  } catch (const std::exception& exception) {
    if (stream->finished() != nullptr) return;
    stream->finish({.reason = FinishReason::failed,
                    .error = std::string("the engine failed: ") + exception.what()});
  }
}

void EngineCore::take(std::unique_ptr<Sequence> sequence) {
  if (const auto reason = end_of_given(sequence->request)) {
    sequence->ids = sequence->request.prompt_ids;
    sequence->ids.resize(sequence->ids.size() + sequence->stream->published());
    FinishedEvent event = account(*sequence, sequence->submitted_s);
    event.reason = *reason;
    return sequence->stream->finish(std::move(event));
  }
  sequence->thoughts = Thoughts(sequence->request.thoughts);
  for (const TokenRecord& token : sequence->request.given) sequence->thoughts.take(token.id);
  if (const Result<void> added = scheduler_.add(sequence); !added) {
    FinishedEvent event;
    event.error = added.error().detail;
    event.prompt_tokens = static_cast<std::int64_t>(sequence->request.prompt_ids.size());
    sequence->stream->finish(std::move(event));
  }
}

void EngineCore::cancel(RequestId id) {
  if (Sequence* sequence = scheduler_.find(id)) finish(*sequence, FinishReason::cancelled, {});
}

void EngineCore::answer(RequestId id) {
  if (Sequence* sequence = scheduler_.find(id)) sequence->thoughts.close_now();
}

void EngineCore::step() {
  const Batch& batch = scheduler_.schedule();
  if (batch.rows.empty() && has_work()) {  // a fault of the plan: better an end than for ever
    return end_all(FinishReason::failed, "the scheduler found nothing to do");
  }
  greet_admitted();
  const double begin_s = now_s_();
  const Result<StepResult> result = run(batch);
  apply(batch, result);
  if (result && !batch.rows.empty()) scheduler_.observe(now_s_() - begin_s);
  publish();
}

Result<StepResult> EngineCore::run(const Batch& batch) {
  if (batch.rows.empty()) return StepResult{};
  ++num_steps_;
  Result<StepResult> result;
  // The barrier that run() promises not to need: a bug in a decoder costs this step's requests, not
  // the room.
  try {
    result = runner_->run(batch);
  } catch (const std::exception& exception) {
    result = fail(ErrorCode::engine_failed, std::string("the decoder failed: ") + exception.what());
  } catch (...) {
    result = fail(ErrorCode::engine_failed, "the decoder failed");
  }
  if (result && result->rows.size() != batch.rows.size()) {
    result = fail(ErrorCode::engine_failed, "the decoder lost rows of the step");
  }
  return result;
}

// Draws the rows that need nothing of one another, on all workers. A constraint may share what it
// has worked out with others of its kind, so it stays on this thread.
void EngineCore::draw_ahead(const Batch& batch, const StepResult& result) {
  drawn_.clear();
  drawn_.resize(batch.rows.size());
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const GenerationRequest& request = scheduler_.scheduled()[i]->request;
    if (batch.rows[i].output == RowOutput::logits && request.output == RequestOutput::reply &&
        !request.constraint && result.rows[i].error.empty() &&
        std::cmp_equal(result.rows[i].values.size(), traits().vocab_size))
      rows.push_back(i);
  }
  runner_->each_of(static_cast<std::int64_t>(rows.size()), [&](std::int64_t item, int worker) {
    const std::size_t i = rows[static_cast<std::size_t>(item)];
    drawn_[i] = draw_token(samplers_[static_cast<std::size_t>(worker)], *scheduler_.scheduled()[i],
                           result.rows[i].values);
  });
}

void EngineCore::apply(const Batch& batch, const Result<StepResult>& result) {
  if (result) draw_ahead(batch, *result);
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    Sequence& sequence = *scheduler_.scheduled()[i];
    if (!result) {
      finish(sequence, FinishReason::failed, result.error().detail);
    } else if (const RowResult& row = result->rows[i]; !row.error.empty()) {
      finish(sequence, FinishReason::failed, row.error);
    } else {
      accept(sequence, batch.rows[i], row, std::move(drawn_[i]));
    }
  }
}

void EngineCore::accept(Sequence& sequence, const BatchRow& row, const RowResult& result,
                        std::optional<TokenDraw> drawn) {
  changed_.push_back(sequence.request.id);
  scheduler_.advance(sequence, static_cast<std::int64_t>(row.tokens.size()));
  sequence.stream->set_prefilled_tokens(std::max(
      sequence.stream->prefilled_tokens(), std::min(sequence.num_computed, sequence.num_prompt())));
  if (row.output == RowOutput::none) return;
  if (sequence.request.output == RequestOutput::reply)
    return take_logits(sequence, row, result.values, std::move(drawn));
  take_states(sequence, row, result.values);
}

// A token for each row of logits; the only one may be drawn already.
void EngineCore::take_logits(Sequence& sequence, const BatchRow& row, std::span<const float> values,
                             std::optional<TokenDraw> drawn) {
  if (drawn) {
    append(sequence, std::move(*drawn));
    return;
  }
  const auto vocab = static_cast<std::size_t>(traits().vocab_size);
  const std::size_t count = row.output == RowOutput::all_logits ? row.tokens.size() : 1;
  if (values.size() != count * vocab)
    return finish(sequence, FinishReason::failed, "the decoder gave no logits");
  for (std::size_t i = 0; i < count; ++i) {
    if (!append(sequence, draw_token(samplers_[0], sequence, values.subspan(i * vocab, vocab))))
      return;
  }
}

void EngineCore::take_states(Sequence& sequence, const BatchRow& row,
                             std::span<const float> values) {
  const RequestOutput wanted = sequence.request.output;
  const bool is_class = wanted == RequestOutput::class_scores;
  const std::size_t size = is_class ? values.size() : values.size() / row.tokens.size();
  if (size == 0) return finish(sequence, FinishReason::failed, "the decoder gave no states");
  if (row.position == 0) sequence.sums.clear();  // it may have begun before a preemption
  if (is_class || wanted == RequestOutput::last_state) {
    const auto last = values.last(size);
    sequence.sums.assign(last.begin(), last.end());
  } else if (wanted == RequestOutput::first_state) {
    if (sequence.sums.empty())
      sequence.sums.assign(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(size));
  } else {
    sequence.sums.resize(size, 0.0);
    for (std::size_t i = 0; i < values.size(); ++i)
      sequence.sums[i % size] += static_cast<double>(values[i]);
  }
  if (sequence.num_left() > 0) return;
  if (wanted == RequestOutput::mean_state) {
    for (double& sum : sequence.sums) sum /= static_cast<double>(sequence.num_ids());
  }
  finish(sequence, FinishReason::stop, {});
}

bool EngineCore::append(Sequence& sequence, TokenDraw drawn) {
  const GenerationRequest& request = sequence.request;
  const auto num_drawn = static_cast<std::size_t>(sequence.num_drawn());
  const auto end = [&](FinishReason reason, std::string error) {
    finish(sequence, reason, std::move(error));
    return false;
  };
  if (!drawn.token) return end(FinishReason::failed, drawn.token.error().detail);
  const TokenRecord& token = *drawn.token;
  const bool is_forced =
      num_drawn < request.forced_ids.size() || sequence.thoughts.forced().has_value();
  sequence.stream->append(token, drawn.top, std::move(drawn.candidates));
  if (sequence.num_unscored > 0) {
    --sequence.num_unscored;  // it is there already
  } else {
    scheduler_.append(sequence, token.id);
  }
  sequence.thoughts.take(token.id);
  if (sequence.first_token_s < 0.0) sequence.first_token_s = now_s_();
  if (num_drawn + 1 >= request.forced_ids.size()) {
    if (is_stop(request, token.id)) return end(FinishReason::stop, {});
  }
  if (request.constraint && !is_forced) {
    request.constraint->accept(token.id);
    if (request.constraint->is_complete()) return end(FinishReason::stop, {});
  }
  if (sequence.num_ids() == sequence.max_ids) return end(FinishReason::length, {});
  return true;
}

void EngineCore::finish(Sequence& sequence, FinishReason reason, std::string error) {
  changed_.push_back(sequence.request.id);
  const std::unique_ptr<Sequence> ended = scheduler_.remove(sequence);
  FinishedEvent event = account(*ended, now_s_());
  event.reason = reason;
  event.error = std::move(error);
  if (reason == FinishReason::stop) event.values.assign(ended->sums.begin(), ended->sums.end());
  ended->stream->set_queue_position(-1);
  ended->stream->finish(std::move(event));
}

void EngineCore::greet_admitted() {
  for (Sequence* sequence : scheduler_.newly_admitted()) {
    if (sequence->first_scheduled_s >= 0.0) continue;
    sequence->first_scheduled_s = now_s_();
    sequence->stream->set_queue_position(-1);
    sequence->stream->set_prefilled_tokens(sequence->num_cached);
    changed_.push_back(sequence->request.id);
  }
}

void EngineCore::publish() {
  if (scheduler_.take_queue_changed()) {
    scheduler_.queue().visit_in_order([this](Sequence& sequence, std::int32_t ahead) {
      if (sequence.was_admitted || sequence.stream->queue_position() == ahead) return;
      sequence.stream->set_queue_position(ahead);
      changed_.push_back(sequence.request.id);
    });
  }
  if (changed_.empty()) return;
  std::ranges::sort(changed_);
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  if (listener_) listener_(changed_);
  changed_.clear();
}

void EngineCore::end_all(FinishReason reason, const std::string& error) {
  for (const RequestId id : scheduler_.ids()) finish(*scheduler_.find(id), reason, error);
  publish();
}

EngineStats EngineCore::stats() const {
  return {.running = static_cast<std::int64_t>(scheduler_.running().size()),
          .waiting = scheduler_.queue().num_waiting(),
          .free_blocks = scheduler_.blocks().num_free(),
          .steps = num_steps_};
}

}  // namespace hearth::engine

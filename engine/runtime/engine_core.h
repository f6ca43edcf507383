// The engine without its thread: requests in, steps, tokens and ends out. Engine drives it from its
// own thread; tests and simulations drive it step by step.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/runtime/engine.h"
#include "engine/runtime/mailbox.h"
#include "engine/runtime/scheduler.h"
#include "engine/runtime/step_runner.h"
#include "engine/runtime/token_draw.h"

namespace hearth::engine {

struct CoreOptions {
  SchedulerOptions scheduler;
  std::function<double()> now_s;  // a clock that never goes back; empty: the steady clock
};

// One thread at a time. Every submitted request ends in exactly one FinishedEvent.
class EngineCore {
 public:
  EngineCore(std::unique_ptr<StepRunner> runner, StepListener listener, CoreOptions options);

  const RunnerTraits& traits() const { return runner_->traits(); }

  // Some steps on nobody's behalf, a fraction of a second, so that the cost model knows this
  // machine and the decoder's memory is there. Before the first request.
  void measure_machine();

  void submit(GenerationRequest request, std::shared_ptr<TokenStream> stream);
  void cancel(RequestId id);
  void answer(RequestId id);

  bool has_work() const { return scheduler_.has_work(); }

  // One step for everybody, then one call of the listener when any stream changed. A runner that
  // fails or throws costs the sequences of this step, no others.
  void step();

  // Ends every live request and tells the listener.
  void end_all(FinishReason reason, const std::string& error);

  EngineStats stats() const;
  const Scheduler& scheduler() const { return scheduler_; }

 private:
  void take(std::unique_ptr<Sequence> sequence);
  Result<StepResult> run(const Batch& batch);
  void apply(const Batch& batch, const Result<StepResult>& result);
  void accept(Sequence& sequence, const BatchRow& row, const RowResult& result,
              std::optional<TokenDraw> drawn);
  void draw_ahead(const Batch& batch, const StepResult& result);
  void take_logits(Sequence& sequence, const BatchRow& row, std::span<const float> values,
                   std::optional<TokenDraw> drawn);
  void take_states(Sequence& sequence, const BatchRow& row, std::span<const float> values);
  bool append(Sequence& sequence, TokenDraw drawn);  // false: that was the end
  void finish(Sequence& sequence, FinishReason reason, std::string error);
  void greet_admitted();
  void publish();

  std::unique_ptr<StepRunner> runner_;
  StepListener listener_;
  std::function<double()> now_s_;
  Scheduler scheduler_;
  std::vector<Sampler> samplers_;                // one for each of the runner's workers
  std::vector<std::optional<TokenDraw>> drawn_;  // of the step's rows, where drawn ahead
  std::vector<RequestId> changed_;
  std::int64_t num_steps_ = 0;
};

}  // namespace hearth::engine

// The engine: one thread that schedules, runs and samples for everybody.
//
//   while (wait_for_work()) {
//     const Batch batch = scheduler_.schedule();
//     const StepResult result = runner_.run(batch);
//     emit(scheduler_.apply(batch, result));
//   }
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "engine/runtime/request.h"
#include "engine/runtime/step_runner.h"
#include "engine/runtime/token_stream.h"

namespace hearth::engine {

struct EngineStats {
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  std::int64_t free_blocks = 0;
  std::int64_t steps = 0;
};

// Called on the engine thread at most once per step, with the requests whose stream changed. Must not block or throw.
using StepListener = std::function<void(std::span<const RequestId> changed)>;

// Owns the runner and its thread. submit and cancel may be called from any thread; they never block on a step.
class Engine {
 public:
  Engine(std::unique_ptr<StepRunner> runner, StepListener listener);
  ~Engine();  // stops: every live request ends cancelled, then the thread is joined
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const RunnerTraits& traits() const;

  // Cannot be refused; a request that could never run (prompt too long, empty) ends failed at once.
  std::shared_ptr<const TokenStream> submit(GenerationRequest request);

  // Takes effect before the next step, also between prefill chunks. Unknown or ended ids are ignored.
  void cancel(RequestId id);

  EngineStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::engine

// The engine: one thread that schedules, runs and samples for everybody.
//
//   while (wait_for_work()) {                        // the whole loop; false on stop
//     const Batch& batch = scheduler.schedule();
//     const Result<StepResult> result = run(batch);  // the decoder, behind an exception barrier
//     apply(batch, result);                          // draws tokens, ends replies
//     publish();                                     // one call of the listener
//   }
//
// The body is EngineCore::step, which tests drive without a thread.
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

// Called on the engine thread at most once per step, with the requests whose stream changed. Must
// not block or throw.
using StepListener = std::function<void(std::span<const RequestId> changed)>;

struct EngineOptions {
  // A step in which replies are written takes at most so many times as long when prompts are read
  // beside them: the gap that one person's long paste makes in everybody's replies.
  double stretch_max = 1.6;
  double prompt_step_ms = 100.0;  // a step of prompts alone
  // Before the first request: some steps on nobody's behalf, so that prompts are cut to measure
  // from the beginning. A server wants it; a program with one request does not.
  bool measures_first = false;
  // Called once on the engine thread, before the first request is taken. Must not block or throw.
  std::function<void()> on_ready{};
};

// Owns the runner and its thread. submit, cancel and answer may be called from any thread; they
// never block on a step.
class Engine {
 public:
  Engine(std::unique_ptr<StepRunner> runner, StepListener listener, EngineOptions options = {});
  ~Engine();  // stops: every live request ends cancelled, then the thread is joined
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const RunnerTraits& traits() const;

  // Cannot be refused; a request that could never run (prompt too long, empty) ends failed at once.
  std::shared_ptr<const TokenStream> submit(GenerationRequest request);

  // Takes effect before the next step, also between prefill chunks. Unknown or ended ids are
  // ignored.
  void cancel(RequestId id);

  // Ends the thoughts of a request (GenerationRequest::thoughts): it answers from the next step on.
  // Ids that are unknown, ended or do not think are ignored.
  void answer(RequestId id);

  // Ends every live request as cancelled and joins the thread; what is submitted later ends
  // cancelled at once. Any thread but the engine's, any number of times.
  void stop();

  // As of the last step. Any thread.
  EngineStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::engine

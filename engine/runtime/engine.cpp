#include "engine/runtime/engine.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "engine/runtime/engine_core.h"
#include "engine/runtime/mailbox.h"

namespace hearth::engine {

class Engine::Impl {
 public:
  Impl(std::unique_ptr<StepRunner> runner, StepListener listener, CoreOptions options,
       bool measures_first, std::function<void()> on_ready)
      : traits_(runner->traits()),
        core_(std::move(runner), std::move(listener), std::move(options)),
        thread_([this, measures_first, on_ready = std::move(on_ready)] {
          if (measures_first) core_.measure_machine();
          if (on_ready) on_ready();
          loop();
        }) {}

  ~Impl() { stop(); }

  const RunnerTraits& traits() const { return traits_; }

  std::shared_ptr<const TokenStream> submit(GenerationRequest request) {
    auto stream = std::make_shared<TokenStream>(request);
    Command command = SubmitCommand{std::move(request), stream};
    if (!mailbox_.post(command)) {
      // Nobody else will ever see this stream: its end may be written here.
      stream->finish({.reason = FinishReason::cancelled, .error = {}});
    }
    return stream;
  }

  void cancel(RequestId id) {
    Command command = CancelCommand{id};
    mailbox_.post(command);
  }

  void answer(RequestId id) {
    Command command = AnswerCommand{id};
    mailbox_.post(command);
  }

  void stop() {
    mailbox_.close();
    std::call_once(joined_, [this] { thread_.join(); });
  }

  EngineStats stats() const {
    return {.running = running_.load(std::memory_order_relaxed),
            .waiting = waiting_.load(std::memory_order_relaxed),
            .free_blocks = free_blocks_.load(std::memory_order_relaxed),
            .steps = steps_.load(std::memory_order_relaxed)};
  }

 private:
  void loop() {
    while (wait_for_work()) {
      step();
      publish_stats();
    }
    core_.end_all(FinishReason::cancelled, {});
    publish_stats();
  }

  // Takes the mail; sleeps while there is neither mail nor a live request. False on stop.
  bool wait_for_work() {
    const bool goes_on =
        mailbox_.take(mail_, core_.has_work() ? Mailbox::Wait::none : Mailbox::Wait::until_mail);
    for (Command& command : mail_) std::visit([this](auto& c) { obey(c); }, command);
    mail_.clear();
    return goes_on;
  }

  void obey(SubmitCommand& command) {
    core_.submit(std::move(command.request), std::move(command.stream));
  }
  void obey(const CancelCommand& command) { core_.cancel(command.id); }
  void obey(const AnswerCommand& command) { core_.answer(command.id); }

  // Out of memory between two runs of the decoder leaves no request in a known state: all of them
  // end, the engine does not.
  void step() {
    try {
      core_.step();
    } catch (const std::exception& exception) {
      core_.end_all(FinishReason::failed, std::string("the engine failed: ") + exception.what());
    }
  }

  void publish_stats() {
    const EngineStats stats = core_.stats();
    running_.store(stats.running, std::memory_order_relaxed);
    waiting_.store(stats.waiting, std::memory_order_relaxed);
    free_blocks_.store(stats.free_blocks, std::memory_order_relaxed);
    steps_.store(stats.steps, std::memory_order_relaxed);
  }

  const RunnerTraits traits_;
  Mailbox mailbox_;
  EngineCore core_;            // engine thread
  std::vector<Command> mail_;  // engine thread
  std::atomic<std::int64_t> running_{0};
  std::atomic<std::int64_t> waiting_{0};
  std::atomic<std::int64_t> free_blocks_{0};
  std::atomic<std::int64_t> steps_{0};
  std::once_flag joined_;
  std::thread thread_;  // last: it uses all of the above
};

Engine::Engine(std::unique_ptr<StepRunner> runner, StepListener listener, EngineOptions options) {
  CoreOptions core;
  core.scheduler.stretch_max = options.stretch_max;
  core.scheduler.prompt_step_s = 1e-3 * options.prompt_step_ms;
  impl_ = std::make_unique<Impl>(std::move(runner), std::move(listener), std::move(core),
                                 options.measures_first, std::move(options.on_ready));
}

Engine::~Engine() = default;

const RunnerTraits& Engine::traits() const { return impl_->traits(); }

std::shared_ptr<const TokenStream> Engine::submit(GenerationRequest request) {
  return impl_->submit(std::move(request));
}

void Engine::cancel(RequestId id) { impl_->cancel(id); }

void Engine::answer(RequestId id) { impl_->answer(id); }

void Engine::stop() { impl_->stop(); }

EngineStats Engine::stats() const { return impl_->stats(); }

}  // namespace hearth::engine

// The engine with its thread. Under ThreadSanitizer too.
#include "engine/runtime/engine.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "tests/engine/runtime/room.h"

namespace hearth::engine::test {
namespace {

// Waits for ends as the service would: woken by the listener.
class Watch {
 public:
  StepListener listener() {
    return [this](std::span<const RequestId>) {
      const std::lock_guard lock(mutex_);
      changed_.notify_all();
    };
  }
  void until(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, condition);
  }
  void until_finished(const TokenStream& stream) {
    until([&] { return stream.finished() != nullptr; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

std::vector<TokenId> tokens_of(const TokenStream& stream) {
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < stream.published(); ++i) ids.push_back(stream.token(i).id);
  return ids;
}

TEST(Engine, ServesFromItsOwnThreadAndSleepsInBetween) {
  Watch watch;
  Engine engine(std::make_unique<FakeRunner>(), watch.listener());
  for (RequestId id = 1; id <= 3; ++id) {
    const Ask ask{.prompt = prompt_of(10, static_cast<TokenId>(id)), .max_tokens = 300};
    const auto stream = engine.submit(Room::request_of(id, ask));
    watch.until_finished(*stream);
    Ask cut = ask;
    cut.max_tokens = engine.traits().context_length - 10;
    EXPECT_EQ(tokens_of(*stream), solo(engine.traits(), cut));
  }
}

TEST(Engine, CancelDuringAStepTakesEffectBeforeTheNext) {
  Watch watch;
  StepGate gate;
  gate.close();
  FakeRunnerOptions options;
  options.gate = &gate;
  Engine engine(std::make_unique<FakeRunner>(options), watch.listener());
  const auto stream =
      engine.submit(Room::request_of(1, {.prompt = prompt_of(200), .max_tokens = 50}));
  gate.wait_until_step_waits();
  engine.cancel(1);
  gate.open();
  watch.until_finished(*stream);
  EXPECT_EQ(stream->finished()->reason, FinishReason::cancelled);
  EXPECT_EQ(stream->prefilled_tokens(), 64);  // the chunk that was under way
  engine.stop();
  EXPECT_EQ(engine.stats().steps, 1);
}

TEST(Engine, StopEndsWhatLivesAndWhatComesLater) {
  StepGate gate;
  gate.close();
  FakeRunnerOptions options;
  options.gate = &gate;
  Engine engine(std::make_unique<FakeRunner>(options), nullptr);
  const auto running =
      engine.submit(Room::request_of(1, {.prompt = prompt_of(5), .max_tokens = 200}));
  gate.wait_until_step_waits();
  const auto in_the_mail = engine.submit(Room::request_of(2, {.prompt = prompt_of(5)}));
  std::thread stopper([&] { engine.stop(); });
  gate.open();
  stopper.join();
  const auto late = engine.submit(Room::request_of(3, {.prompt = prompt_of(5)}));
  engine.cancel(3);
  for (const auto& stream : {running, in_the_mail, late}) {
    ASSERT_NE(stream->finished(), nullptr);
    EXPECT_NE(stream->finished()->reason, FinishReason::failed);
  }
  EXPECT_EQ(late->finished()->reason, FinishReason::cancelled);
}

// requests, cancels, readers and the end of everything at once, from several threads.
TEST(Engine, SurvivesAStormOfSubmitCancelAndStop) {
  for (std::uint64_t round = 0; round < 8; ++round) {
    FakeRunnerOptions options;
    options.traits.num_blocks = 24;  // too few for everybody: preemption
    options.traits.context_length = 64;
    std::atomic<std::int64_t> num_changed{0};
    Engine engine(std::make_unique<FakeRunner>(options), [&](std::span<const RequestId> changed) {
      num_changed += static_cast<std::int64_t>(changed.size());
    });
    constexpr std::size_t kThreads = 4;
    constexpr RequestId kRequests = 60;
    std::vector<std::vector<std::shared_ptr<const TokenStream>>> streams(kThreads);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (RequestId i = 0; i < kRequests; ++i) {
          const RequestId id = t * kRequests + i + 1;
          const Ask ask{
              .user = t % 3, .prompt = prompt_of(3 + (id * 7 + round) % 40), .max_tokens = 20};
          streams[t].push_back(engine.submit(Room::request_of(id, ask)));
          if (id % 3 == 0) engine.cancel(id);
          if (id % 5 == 0) engine.cancel(id / 2);
          const TokenStream& seen = *streams[t][i / 2];
          for (std::size_t k = 0; k < seen.published(); ++k) EXPECT_GE(seen.token(k).id, 0);
          if (t == 0 && i == kRequests * 3 / 4 && round % 2 == 0) engine.stop();
          engine.stats();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    engine.stop();
    for (std::size_t t = 0; t < kThreads; ++t) {
      for (RequestId i = 0; i < kRequests; ++i) {
        const FinishedEvent* end = streams[t][i]->finished();
        ASSERT_NE(end, nullptr);
        ASSERT_NE(end->reason, FinishReason::failed) << end->error;
        ASSERT_EQ(static_cast<std::size_t>(end->completion_tokens), streams[t][i]->published());
      }
    }
    EXPECT_EQ(engine.stats().running, 0);
    EXPECT_EQ(engine.stats().free_blocks, 24);
  }
}

}  // namespace
}  // namespace hearth::engine::test

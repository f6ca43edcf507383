// A room with a fake model, driven step by step: what the tests of scheduling speak in.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "engine/runtime/engine_core.h"
#include "tests/support/fake_runner.h"

namespace hearth::engine::test {

struct RoomOptions {
  FakeRunnerOptions runner;
  StepCost cost{.a_s = 0.01, .b_s = 0.001};
};

struct Ask {
  UserKey user = 1;
  std::vector<TokenId> prompt = {};
  std::int64_t max_tokens = 4;
  std::vector<TokenId> stop_ids = {};
  double weight = 1.0;
  std::uint64_t salt = 0;
  std::size_t num_shared_prefix = 0;
};

class Room {
 public:
  explicit Room(const RoomOptions& options = {}) {
    auto runner = std::make_unique<FakeRunner>(options.runner);
    runner_ = runner.get();
    CoreOptions core;
    core.scheduler.cost_model = CostModel::fixed(options.cost);
    core.scheduler.hash_key = {1, 2};
    core.now_s = [this] { return now_s; };
    core_ = std::make_unique<EngineCore>(
        std::move(runner),
        [this](std::span<const RequestId> changed) {
          ++num_calls;
          last_changed.assign(changed.begin(), changed.end());
        },
        std::move(core));
  }

  static GenerationRequest request_of(RequestId id, const Ask& ask) {
    GenerationRequest request;
    request.id = id;
    request.user = ask.user;
    request.weight = ask.weight;
    request.cache_salt = ask.salt == 0 ? ask.user : ask.salt;
    request.num_shared_prefix = ask.num_shared_prefix;
    request.prompt_ids = ask.prompt;
    request.max_tokens = ask.max_tokens;
    request.stop_ids = ask.stop_ids;
    return request;
  }

  RequestId ask(const Ask& ask) { return submit(request_of(next_id_++, ask)); }

  RequestId submit(GenerationRequest request) {
    const RequestId id = request.id;
    auto stream = std::make_shared<TokenStream>(request);
    streams_[id] = stream;
    core_->submit(std::move(request), stream);
    return id;
  }

  void cancel(RequestId id) { core_->cancel(id); }
  void step(int count = 1) {
    for (int i = 0; i < count; ++i) core_->step();
  }
  void run() {
    while (core_->has_work()) core_->step();
  }

  const TokenStream& stream(RequestId id) const { return *streams_.at(id); }
  std::vector<TokenId> tokens(RequestId id) const {
    std::vector<TokenId> ids;
    for (std::size_t i = 0; i < stream(id).published(); ++i) ids.push_back(stream(id).token(i).id);
    return ids;
  }
  bool is_finished(RequestId id) const { return stream(id).finished() != nullptr; }
  const FinishedEvent& end(RequestId id) const { return *stream(id).finished(); }
  bool is_running(RequestId id) const {
    const Sequence* sequence = scheduler().find(id);
    return sequence != nullptr && sequence->is_running;
  }

  FakeRunner& runner() { return *runner_; }
  EngineCore& core() { return *core_; }
  const Scheduler& scheduler() const { return core_->scheduler(); }
  bool has_all_blocks_free() const {
    return scheduler().blocks().num_free() == scheduler().blocks().num_blocks();
  }

  double now_s = 0.0;
  int num_calls = 0;
  std::vector<RequestId> last_changed;

 private:
  FakeRunner* runner_ = nullptr;
  std::unique_ptr<EngineCore> core_;
  std::map<RequestId, std::shared_ptr<TokenStream>> streams_;
  RequestId next_id_ = 1;
};

// The greedy reply that the fake model gives when nobody else is in the room.
inline std::vector<TokenId> solo(const RunnerTraits& traits, const Ask& ask) {
  std::vector<TokenId> ids = ask.prompt;
  for (std::int64_t i = 0; i < ask.max_tokens; ++i) {
    ids.push_back(FakeRunner::next_token(traits, ids, ask.prompt.size()));
    const bool is_stop =
        std::find(ask.stop_ids.begin(), ask.stop_ids.end(), ids.back()) != ask.stop_ids.end();
    if (is_stop) break;
  }
  return {ids.begin() + static_cast<std::ptrdiff_t>(ask.prompt.size()), ids.end()};
}

inline std::vector<TokenId> prompt_of(std::size_t length, TokenId first = 1,
                                      TokenId vocab_size = 32) {
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < length; ++i) {
    ids.push_back(static_cast<TokenId>((static_cast<std::size_t>(first) * 7 + i * 5 + i * i) %
                                       static_cast<std::size_t>(vocab_size)));
  }
  return ids;
}

}  // namespace hearth::engine::test

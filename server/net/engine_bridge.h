// The engine as the service sees it, and the way back: one wake-up of the loop per engine step
// (DESIGN §10, "Engine to service").
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/runtime/engine.h"
#include "server/net/event_loop.h"
#include "server/session/engine_port.h"

namespace hearth::server {

// Loop thread, but for listener(). The engine comes when its model is loaded.
class EngineBridge final : public EnginePort {
 public:
  using Progress = std::function<void(std::span<const engine::RequestId> changed)>;

  // `progress` runs on the loop.
  EngineBridge(EventLoop& loop, Progress progress);
  ~EngineBridge() override;
  EngineBridge(const EngineBridge&) = delete;
  EngineBridge& operator=(const EngineBridge&) = delete;

  // What the engine is to be made with. Callable from the engine thread; steps that come before the
  // loop has looked share one wake-up. Outlives the bridge harmlessly.
  engine::StepListener listener() const;

  void attach(std::unique_ptr<engine::Engine> engine);
  // Ends the engine and its thread; every live stream is finished afterwards.
  void detach();
  engine::Engine* engine() const { return engine_.get(); }

  // Before an engine is attached: a stream that has failed already.
  std::shared_ptr<const engine::TokenStream> submit(engine::GenerationRequest request) override;
  void cancel(engine::RequestId id) override;
  void answer(engine::RequestId id) override;

 private:
  class Mailbox;
  std::shared_ptr<Mailbox> mailbox_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace hearth::server

// The seam between the service and whatever generates: the engine in this process, later an
// upstream server or a worker.
#pragma once

#include <memory>

#include "engine/runtime/request.h"
#include "engine/runtime/token_stream.h"

namespace hearth::server {

// Called on the service's thread. Progress comes back as ChatService::engine_progressed(ids),
// posted once per engine step.
class EnginePort {
 public:
  virtual ~EnginePort() = default;

  // Cannot be refused: admission was decided before. The stream ends with exactly one
  // FinishedEvent.
  virtual std::shared_ptr<const engine::TokenStream> submit(engine::GenerationRequest request) = 0;

  // Takes effect before the next step. Unknown or ended ids are ignored.
  virtual void cancel(engine::RequestId id) = 0;

  // Ends the thoughts of a reply that thinks (GenerationRequest::thoughts). Others are ignored.
  virtual void answer(engine::RequestId id) = 0;
};

}  // namespace hearth::server

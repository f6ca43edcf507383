#include "server/net/engine_bridge.h"

#include <mutex>
#include <utility>

namespace hearth::server {

// Hand-over from the engine thread to the loop. Bounded by the number of live requests times the
// steps the loop is behind; duplicates are harmless.
class EngineBridge::Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  Mailbox(EventLoop& loop, Progress progress) : loop_(loop), progress_(std::move(progress)) {}

  void put(std::span<const engine::RequestId> changed) {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    const bool is_posted = !changed_.empty();
    changed_.insert(changed_.end(), changed.begin(), changed.end());
    if (!is_posted && !changed_.empty())
      loop_.post([self = shared_from_this()] { self->deliver(); });
  }

  void close() {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }

 private:
  void deliver() {
    std::vector<engine::RequestId> changed;
    {
      const std::lock_guard lock(mutex_);
      changed.swap(changed_);
      if (is_closed_) return;
    }
    progress_(changed);
  }

  EventLoop& loop_;
  Progress progress_;
  std::mutex mutex_;
  std::vector<engine::RequestId> changed_;  // guarded by mutex_
  bool is_closed_ = false;                  // guarded by mutex_
};

EngineBridge::EngineBridge(EventLoop& loop, Progress progress)
    : mailbox_(std::make_shared<Mailbox>(loop, std::move(progress))) {}

EngineBridge::~EngineBridge() {
  mailbox_->close();
  detach();
}

engine::StepListener EngineBridge::listener() const {
  return
      [mailbox = mailbox_](std::span<const engine::RequestId> changed) { mailbox->put(changed); };
}

void EngineBridge::attach(std::unique_ptr<engine::Engine> engine) { engine_ = std::move(engine); }

void EngineBridge::detach() { engine_.reset(); }

std::shared_ptr<const engine::TokenStream> EngineBridge::submit(engine::GenerationRequest request) {
  if (engine_) return engine_->submit(std::move(request));
  auto stream = std::make_shared<engine::TokenStream>(request);
  engine::FinishedEvent event;
  event.reason = engine::FinishReason::failed;
  event.error = "The model is not loaded.";
  stream->finish(std::move(event));
  mailbox_->put(std::span(&request.id, 1));
  return stream;
}

void EngineBridge::answer(engine::RequestId id) {
  if (engine_) engine_->answer(id);
}

void EngineBridge::cancel(engine::RequestId id) {
  if (engine_) engine_->cancel(id);
}

}  // namespace hearth::server

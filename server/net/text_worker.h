// The thread that renders templates and tokenises (DESIGN §10, Threads).
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "server/net/event_loop.h"
#include "server/session/text_port.h"

namespace hearth::server {

// Jobs are done in order. The queue is bounded by admission: every job holds a ticket. Destroying
// it drops what is queued.
class TextWorker final : public TextPort {
 public:
  // `system_prompt`: the operator's instructions for prompts that bring none; may be empty.
  explicit TextWorker(EventLoop& loop, std::string system_prompt = {});
  ~TextWorker() override;
  TextWorker(const TextWorker&) = delete;
  TextWorker& operator=(const TextWorker&) = delete;

  void build(PromptJob job, Done done) override;
  void perform(std::function<void()> work, std::function<void()> done) override;

  // Runs job on the worker; it posts its result itself. Must not throw.
  void run(std::function<void()> job);

 private:
  void work(const std::stop_token& stop);

  EventLoop& loop_;
  std::string system_prompt_;
  std::mutex mutex_;
  std::condition_variable_any has_job_;
  std::deque<std::function<void()>> jobs_;  // guarded by mutex_
  std::jthread thread_;                     // last: it uses everything above
};

}  // namespace hearth::server

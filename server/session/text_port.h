// The seam to the text worker: nobody renders templates or tokenises on the service's thread
// (DESIGN §10, Threads).
#pragma once

#include <functional>

#include "server/session/prompt_builder.h"

namespace hearth::server {

class TextPort {
 public:
  virtual ~TextPort() = default;

  using Done = std::function<void(tl::expected<Prompt, PromptError>)>;

  // Runs server::build_prompt(job) on a worker thread, then done on the service's thread, never
  // inside this call. Jobs are bounded by the service (admission comes first), so this cannot be
  // refused. Unfinished jobs at shutdown may be dropped.
  virtual void build(PromptJob job, Done done) = 0;

  // The same for any other work on text: `work` on a worker thread, then `done` on the service's
  // thread. Whoever asks bounds the jobs. `work` must not throw; both are destroyed on the
  // service's thread.
  virtual void perform(std::function<void()> work, std::function<void()> done) = 0;
};

}  // namespace hearth::server

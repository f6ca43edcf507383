// A reply of an engine in this process, followed to its end by the thread that waits for it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/token_id.h"
#include "engine/runtime/engine.h"
#include "engine/text/tokenizer.h"

namespace hearth::engine {

// Wakes the waiting thread once per engine step.
class StepSignal {
 public:
  StepSignal();
  ~StepSignal();
  StepSignal(const StepSignal&) = delete;
  StepSignal& operator=(const StepSignal&) = delete;

  void raise();  // any thread
  // Until it is raised, or `other_fd` (−1: none) is readable; then true.
  bool wait(int other_fd);

 private:
  int fd_ = -1;
};

struct LocalReply {
  std::vector<TokenId> ids;
  std::string text;
  std::string finish_reason;  // "stop", "length", "cancelled", "failed"
  FinishedEvent finished;
};

struct LocalReplyOptions {
  std::vector<std::string> stop;
  std::function<void(std::string_view)> show;  // each new piece of text
  int interrupt_fd = -1;                       // once readable, the reply is cancelled
};

// The engine's listener raises `signal`.
LocalReply follow_reply(Engine& engine, StepSignal& signal, const TokenStream& stream,
                        const std::shared_ptr<const Tokenizer>& tokenizer,
                        const LocalReplyOptions& options);

}  // namespace hearth::engine

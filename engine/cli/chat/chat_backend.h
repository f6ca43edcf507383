// Who answers in `hearth chat`: a model in this process, or a server.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/cli/flags.h"

namespace hearth::engine {

struct ChatAnswer {
  std::string text;
  std::string finish_reason;  // "stop", "length", "cancelled"
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

// One thread.
class ChatBackend {
 public:
  virtual ~ChatBackend() = default;

  // What answers, for the first line: the model's name and where it runs.
  virtual std::string description() const = 0;

  // The next message after `messages` ([{"role", "content"}…], the last one the user's). `show` is
  // called with each new piece of it, whole UTF-8. When `interrupt_fd` becomes readable the reply
  // ends as "cancelled" with what there is; nothing is read from it. Errors:
  // context_length_exceeded; whatever else keeps it from answering.
  virtual Result<ChatAnswer> reply(const nlohmann::ordered_json& messages,
                                   const SamplingFlags& settings,
                                   const std::function<void(std::string_view)>& show,
                                   int interrupt_fd) = 0;
};

}  // namespace hearth::engine

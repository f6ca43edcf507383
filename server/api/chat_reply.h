// One chat reply as the converters see it: text and calls that grow, and an end.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "server/api/generation.h"
#include "server/api/tool_calls.h"

namespace hearth::server {

// Follows the first choice of a generation.
class ChatReply {
 public:
  explicit ChatReply(bool has_tools) : has_tools_(has_tools) {}

  // What came since the last call.
  struct News {
    std::string text;
    std::vector<ToolCall> calls;
  };
  News update(const Generation& generation);

  const std::string& text() const { return text_; }
  const std::vector<ToolCall>& calls() const { return reader_.calls(); }

 private:
  bool has_tools_;
  std::string text_;
  std::size_t num_calls_ = 0;
  ToolCallReader reader_;
};

}  // namespace hearth::server

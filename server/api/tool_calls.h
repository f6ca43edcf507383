// Tool calls in what a model writes, found while it is written. Pure.
//
// Two forms: <tool_call>{"name": …, "arguments": {…}}</tool_call>, any number of times (Qwen,
// Hermes), and a reply that is nothing but {"name": …, "parameters": {…}}, several with ';' between
// them (Llama 3), or a list of such objects (Mistral).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace hearth::server {

struct ToolCall {
  std::string name;
  std::string arguments;  // JSON, as clients expect it: a text
};

// One reply. What is no call is content: nothing that the model wrote is lost.
class ToolCallReader {
 public:
  // Everything that is known of the reply so far (not only what is new).
  void read(std::string_view text);
  void finish(std::string_view text);

  const std::string& content() const { return content_; }  // may be shown; only grows
  const std::vector<ToolCall>& calls() const { return calls_; }

 private:
  void advance(std::string_view text, bool is_end);
  void show(std::string_view text, bool is_end);
  bool take_bare(std::string_view text);

  std::size_t done_ = 0;  // bytes of the reply that are decided
  bool is_bare_ = false;  // the reply may be a call without tags
  bool has_begun_ = false;
  std::string content_;
  std::string spaces_;  // shown only when something follows: calls are set off by them
  std::vector<ToolCall> calls_;
};

}  // namespace hearth::server

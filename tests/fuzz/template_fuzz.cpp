// libFuzzer: any bytes as a template and, after a zero byte, as the content of a message. Nothing
// may crash, leak, run long or grow past its budget; what is rendered is UTF-8 whose marks cover
// it.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/text/chat_template.h"

namespace {

using hearth::engine::ChatTemplate;
using hearth::engine::TemplateVariables;

TemplateVariables variables_with(const std::string& content) {
  TemplateVariables variables;
  variables.messages = {
      {{"role", "system"}, {"content", "You are."}},
      {{"role", "user"}, {"content", content}},
      {{"role", "assistant"}, {"content", nullptr}, {"tool_calls", {{{"name", "f"}, {"n", 1.5}}}}}};
  variables.tools = {{{"name", "f"}, {"parameters", {{"type", "object"}}}}};
  variables.extra = {{"bos_token", "<s>"}, {"n", 3}, {"d", {{"a", 1}}}};
  variables.now = std::chrono::system_clock::time_point(std::chrono::seconds(1'720'000'000));
  return variables;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = std::min(input.find('\0'), input.size());
  const auto compiled = ChatTemplate::compile(input.substr(0, zero));
  if (!compiled) return 0;
  const auto rendered =
      (*compiled)->render(variables_with(input.substr(std::min(zero + 1, input.size()))));
  if (!rendered) return 0;
  std::size_t covered = 0;
  for (const auto& run : rendered->runs()) covered += run.bytes;
  if (covered != rendered->text().size() || covered > (1u << 20)) std::abort();
  return 0;
}

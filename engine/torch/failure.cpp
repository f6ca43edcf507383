#include "engine/torch/failure.h"

#include <new>
#include <string>
#include <string_view>

#include "engine/torch/torch.h"

namespace hearth::engine {

Error failure_of(const std::exception& error) {
  // what() of a c10::Error goes on with a stack trace.
  const auto* const torch_error = dynamic_cast<const c10::Error*>(&error);
  std::string text = torch_error == nullptr ? error.what() : torch_error->what_without_backtrace();
  text = text.substr(0, text.find('\n'));
  const bool is_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                         text.find("out of memory") != std::string::npos ||
                         text.find("can't allocate memory") != std::string::npos;
  if (is_memory) return {ErrorCode::out_of_memory, "The model's computation ran out of memory."};
  return {ErrorCode::engine_failed, "libtorch failed: " + text};
}

}  // namespace hearth::engine

#include "engine/text/jinja/limits.h"

#include <string>

#include "engine/text/jinja/failure.h"

namespace hearth::engine::jinja {
namespace {

constexpr std::size_t kTextBytesPerStep = 64;
constexpr std::size_t kItemsPerStep = 4;

[[noreturn]] void raise_limit(const std::string& what, std::size_t bound) {
  raise(ErrorCode::template_limit,
        "The chat template " + what + " (" + std::to_string(bound) + ").");
}

}  // namespace

void Budget::step(std::size_t count) {
  if (count > limits_.steps - used_) raise_limit("takes more steps than allowed", limits_.steps);
  used_ += count;
}

void Budget::make_text(std::size_t bytes) {
  if (bytes > limits_.text_bytes) {
    raise_limit("makes a text of more bytes than allowed", limits_.text_bytes);
  }
  step(bytes / kTextBytesPerStep);
}

void Budget::make_items(std::size_t count) {
  if (count > limits_.loop_rounds) {
    raise_limit("makes a list or loop longer than allowed", limits_.loop_rounds);
  }
  step(count / kItemsPerStep);
}

DepthGuard::DepthGuard(std::size_t& depth, std::size_t bound, const char* what) : depth_(depth) {
  if (depth >= bound) raise_limit(std::string(what) + " deeper than allowed", bound);
  ++depth_;
}

}  // namespace hearth::engine::jinja

// What one rendering may cost (reliability R-18). Templates come from model folders that people
// download: they are not trusted, so every loop, string and list is paid for before it is made.
#pragma once

#include <cstddef>

namespace hearth::engine::jinja {

struct Limits {
  std::size_t depth = 64;             // nesting of the template's source, and of macro calls
  std::size_t stack = 800;            // nested evaluations in all: bounds the thread's stack
  std::size_t value_depth = 200;      // lists in lists in …: bounds every recursion over values
  std::size_t steps = 1'000'000;      // evaluated nodes, plus the work inside filters and methods
  std::size_t text_bytes = 1u << 20;  // the output, and any string on the way
  std::size_t loop_rounds = 100'000;  // rounds of one loop, and items of any list
  std::size_t template_bytes = 1u << 20;
};

// Counts what a rendering has used. One per rendering. Each call raises template_limit past its
// bound.
class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits) {}

  const Limits& limits() const { return limits_; }

  void step(std::size_t count = 1);

  // Before making a string of so many bytes. Copying costs steps too, which bounds the memory of a
  // whole rendering: 1e6 steps are 64 MB of text or 4e6 list items.
  void make_text(std::size_t bytes);
  void make_items(std::size_t count);

 private:
  Limits limits_;
  std::size_t used_ = 0;
};

// Holds one level of a counted depth for a scope; raises template_limit at the bound.
class DepthGuard {
 public:
  DepthGuard(std::size_t& depth, std::size_t bound, const char* what);
  ~DepthGuard() { --depth_; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  std::size_t& depth_;
};

}  // namespace hearth::engine::jinja

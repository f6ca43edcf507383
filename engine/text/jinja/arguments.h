// The arguments of one call, bound to a Python-like signature.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/text/jinja/value.h"

namespace hearth::engine::jinja {

// Signature{"trim", {"value", "chars"}, 1}: names in order, the first `num_required` must be given.
// Raises template_type for too many, too few, unknown or doubled arguments.
class BoundArguments {
 public:
  BoundArguments(std::string_view function, const Arguments& arguments,
                 std::initializer_list<std::string_view> names, std::size_t num_required);

  const Value& operator[](std::size_t index) const {
    return *values_[index];
  }  // must have been given
  bool has(std::size_t index) const { return values_[index] != nullptr; }
  bool is_none(std::size_t index) const { return !has(index) || values_[index]->is_none(); }

  // The argument as Python would take it, or the default when absent.
  bool flag(std::size_t index, bool otherwise) const;
  Int integer(std::size_t index, Int otherwise) const;  // template_type unless bool or int
  long small(std::size_t index, long otherwise) const;  // the same, clamped to ±2^40
  const MarkedText& text(std::size_t index) const;      // template_type unless a string
  std::optional<std::string_view> optional_text(std::size_t index) const;  // none is absent

 private:
  [[noreturn]] void fail(std::size_t index, std::string_view expected) const;

  std::string_view function_;
  std::vector<const Value*> values_;
};

}  // namespace hearth::engine::jinja

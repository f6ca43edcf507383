#include "engine/text/jinja/arguments.h"

#include <algorithm>
#include <string>

#include "engine/text/jinja/failure.h"

namespace hearth::engine::jinja {

BoundArguments::BoundArguments(std::string_view function, const Arguments& arguments,
                               std::initializer_list<std::string_view> names,
                               std::size_t num_required)
    : function_(function), values_(names.size(), nullptr) {
  const std::string shown(function);
  if (arguments.positional.size() > names.size()) {
    raise_type(shown + "() takes at most " + std::to_string(names.size()) + " arguments (" +
               std::to_string(arguments.positional.size()) + " given).");
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i)
    values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
      raise_type(shown + "() got an unexpected keyword argument '" + name + "'.");
    const Value*& slot = values_[static_cast<std::size_t>(found - names.begin())];
    if (slot != nullptr) raise_type(shown + "() got multiple values for argument '" + name + "'.");
    slot = &value;
  }
  for (std::size_t i = 0; i < num_required; ++i) {
    if (values_[i] == nullptr) {
      raise_type(shown + "() misses the argument '" + std::string(*(names.begin() + i)) + "'.");
    }
  }
}

void BoundArguments::fail(std::size_t index, std::string_view expected) const {
  raise_type(std::string(function_) + "(): expected " + std::string(expected) + ", got " +
             std::string(type_name(*values_[index])) + ".");
}

bool BoundArguments::flag(std::size_t index, bool otherwise) const {
  return has(index) ? is_true(*values_[index]) : otherwise;
}

Int BoundArguments::integer(std::size_t index, Int otherwise) const {
  if (!has(index)) return otherwise;
  const auto value = integer_of(*values_[index]);
  if (!value) fail(index, "an integer");
  return *value;
}

long BoundArguments::small(std::size_t index, long otherwise) const {
  const Int bound = static_cast<Int>(1) << 40;
  return static_cast<long>(std::clamp(integer(index, otherwise), -bound, bound));
}

const MarkedText& BoundArguments::text(std::size_t index) const {
  const MarkedText* text = values_[index]->text();
  if (text == nullptr) fail(index, "a string");
  return *text;
}

std::optional<std::string_view> BoundArguments::optional_text(std::size_t index) const {
  if (is_none(index)) return std::nullopt;
  return std::string_view(text(index).text());
}

}  // namespace hearth::engine::jinja
